"""Kafka and Redis for people who have neither: real servers, started and stopped for the user.

Start with `servers.EmbeddedServers`, which starts what upwell needs. Below it:

    servers      Kafka (or its stand-in) and Redis together
    kafka        Apache Kafka, one node in a JVM        jars, download, maven, java: what it is made of
    redis        redis-server or valkey-server
    tansu        the stand-in for machines that cannot run Apache Kafka
    server       what all of them share: start, stop, kill, ports, directory, log
    process      one server process, and guard: the program that sees to it that it dies with us

For Linux and macOS. Every server listens on 127.0.0.1 only.
"""

"""The settings of a Kafka that is alone: one node, broker and controller at once, one person's machine."""

from typing import NamedTuple

LOG_DIRECTORY = "log"
SETTINGS_FILE = "server.properties"

ADDRESSES = """\
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{proxied}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{proxied_advertised}
controller.quorum.voters=1@127.0.0.1:{controller_port}
log.dirs={log_directory}
"""

# Written by upwell at each start; changes made by hand do not last.
FIXED = """\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT

# upwell makes its topics itself: a misspelt name is to fail, not to make a topic.
auto.create.topics.enable=false

# There is no second node to copy to.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1

# A worker gets its partitions at once instead of after 3 s of waiting for others to join.
group.initial.rebalance.delay.ms=0

# Tests of failures need not wait for 6 s until a silent worker is given up.
group.min.session.timeout.ms=1000

# After a kill the controller refuses the broker until its last session is over. Measured time from kill -9
# to ready: 11.9 s with the 9 s that Kafka defaults to, 3.5 s with these 2 s, 2.5 s with 1 s, at which a
# machine that is too busy for a second would already lose its broker for a moment.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400

# Eight and three of them are for large machines: on two cores, more threads only wait for each other.
num.io.threads=2
num.network.threads=1

# The default reserves 128 MB, a quarter of our heap; this is room for 600,000 keys at a time.
log.cleaner.dedupe.buffer.size=16777216
"""


class ProxiedListener(NamedTuple):
    """Where the broker listens for a proxy, and the port it tells the clients who come that way: the proxy's."""

    port: int
    advertised_port: int


def settings_text(
    port: int, controller_port: int, log_directory: str = LOG_DIRECTORY, proxied: ProxiedListener | None = None
) -> str:
    """Return the settings file of a node; `log_directory` is relative to where Kafka runs.

    Relative because Kafka would read a comma in a path as a list, and other letters than Latin ones wrongly.
    """
    addresses = ADDRESSES.format(
        port=port,
        controller_port=controller_port,
        log_directory=log_directory,
        proxied=f",PROXIED://127.0.0.1:{proxied.port}" if proxied else "",
        proxied_advertised=f",PROXIED://127.0.0.1:{proxied.advertised_port}" if proxied else "",
    )
    return addresses + FIXED

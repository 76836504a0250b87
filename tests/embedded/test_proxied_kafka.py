from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError

from loadtest.chaos.proxy import Proxy
from streams.embedded.kafka import EmbeddedKafka
from streams.errors import ServerError
from tests.embedded.records import TIMEOUT_S, make_topic, produce


def read(bootstrap: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=1000 * TIMEOUT_S
    )
    consumer.assign([TopicPartition("clicks", 0)])
    try:
        return [record.value for _, record in zip(range(count), consumer, strict=False)]
    finally:
        consumer.close()


def test_clients_of_the_proxy_come_through_the_proxy_only(tmp_path: Path) -> None:
    with Proxy() as proxy, EmbeddedKafka(tmp_path, proxied_port=proxy.port) as kafka:
        # Given a producer that knows Kafka by the address of the proxy
        proxy.target_port = behind = kafka.behind_proxy_port
        through_proxy = f"127.0.0.1:{proxy.port}"
        make_topic(kafka.bootstrap, "clicks")
        producer = KafkaProducer(bootstrap_servers=through_proxy, acks="all", request_timeout_ms=2000)
        producer.send("clicks", b"first").get(TIMEOUT_S)
        assert read(through_proxy, 1) == [b"first"]

        # When the proxy is cut, then the producer reaches Kafka no more, and others do
        proxy.cut()
        late = producer.send("clicks", b"late")
        with pytest.raises(KafkaTimeoutError):
            late.get(1)
        produce(kafka.bootstrap, "clicks", [b"meanwhile"])

        # And when Kafka is killed and started again, and the proxy healed, then all is in its old place
        kafka.kill()
        kafka.start()
        assert kafka.behind_proxy_port == behind
        proxy.heal()
        late.get(TIMEOUT_S)
        producer.close()
        assert read(through_proxy, 3) == [b"first", b"meanwhile", b"late"]


def test_without_a_proxy_there_is_no_port_for_one(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="give it `proxied_port` and start it"):
        _ = EmbeddedKafka(tmp_path).behind_proxy_port

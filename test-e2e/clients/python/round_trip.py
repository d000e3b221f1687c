"""confluent-kafka: creates a topic, writes the records of a file to it, reads them back by assignment, describes it.

usage: round_trip.py BOOTSTRAP TOPIC CORPUS OUT_FOLDER CODEC:FROM:TO ...
Writes OUT_FOLDER/<partition>.bin and OUT_FOLDER/described.json.
"""
import sys

from confluent_kafka import Consumer, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from records import CONFIGS, PARTITIONS, encode_record, read_corpus, write_described

LIMIT_S = 120


def write(bootstrap, topic, records, codec):
    failures = []
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.codec": codec,
            "enable.idempotence": True,
            "linger.ms": 20,
            "on_delivery": lambda error, _message: error and failures.append(str(error)),
        }
    )
    for timestamp, key, value, headers in records:
        while True:
            try:
                producer.produce(topic, value, key, headers=headers, timestamp=timestamp)
                break
            except BufferError:  # The queue is full: this is back-pressure, not a failure.
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(LIMIT_S)
    if failures or left:
        sys.exit(f"{codec}: {len(failures)} failed, {left} not delivered, first: {failures[:1]}")


def read(bootstrap, topic, out):
    # The library demands a group id, but this program neither joins a group nor commits.
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False, "check.crcs": True}
    )
    for partition in range(PARTITIONS):
        wanted = TopicPartition(topic, partition, 0)
        _low, end = consumer.get_watermark_offsets(wanted, timeout=30)
        consumer.assign([wanted])
        count = 0
        with open(f"{out}/{partition}.bin", "wb") as file:
            while count < end:
                messages = consumer.consume(min(2000, end - count), timeout=30)
                if not messages:
                    sys.exit(f"partition {partition}: nothing more after {count} of {end} records")
                for message in messages:
                    if message.error():
                        sys.exit(str(message.error()))
                    count += 1
                    timestamp, headers = message.timestamp()[1], message.headers() or []
                    file.write(encode_record(message.offset(), timestamp, message.key(), message.value(), headers))
    consumer.close()


def describe(admin, topic, out):
    """Writes described.json. Fails if a one-topic listing has other topics, or two answers name different brokers."""
    listed = admin.list_topics(timeout=LIMIT_S)
    alone = admin.list_topics(topic, timeout=LIMIT_S).topics
    if list(alone) != [topic]:
        sys.exit(f"asked for {topic}, listed {list(alone)}")
    (described,) = admin.describe_topics(TopicCollection([topic])).values()
    cluster = admin.describe_cluster().result(LIMIT_S)
    if {node.id for node in cluster.nodes} != set(listed.brokers):
        sys.exit(f"the cluster has {cluster.nodes}, the listing {list(listed.brokers)}")
    (configs,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)]).values()
    write_described(
        out,
        listed.topics,
        listed.brokers,
        [
            (p.id, p.leader.id, [node.id for node in p.replicas], [node.id for node in p.isr])
            for p in described.result(LIMIT_S).partitions
        ],
        {name: entry.value for name, entry in configs.result(LIMIT_S).items()},
    )


def main(bootstrap, topic, corpus, out, *stages):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(topic, PARTITIONS, 3, config=CONFIGS)]).values():
        future.result(60)
    records = read_corpus(corpus)
    for stage in stages:
        codec, start, end = stage.split(":")
        write(bootstrap, topic, records[int(start) : int(end)], codec)
    read(bootstrap, topic, out)
    describe(admin, topic, out)


main(*sys.argv[1:])

"""kafka-python of 2019: creates a topic, writes the records of a file to it, reads them back by assignment, describes it.

usage: old_round_trip.py BOOTSTRAP TOPIC CORPUS OUT_FOLDER CODEC:FROM:TO ...
Writes OUT_FOLDER/<partition>.bin and OUT_FOLDER/described.json. The library cannot write headers without a value.
"""
import sys

import six

# Python 3.12 and later cannot load the copy of six inside the library.
sys.modules["kafka.vendor.six"] = six
sys.modules["kafka.vendor.six.moves"] = six.moves

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from records import CONFIGS, PARTITIONS, encode_record, read_corpus, write_described

LIMIT_S = 120


def write(bootstrap, topic, records, codec):
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type=None if codec == "none" else codec,
        acks="all",
        linger_ms=20,
        batch_size=1 << 18,
        max_in_flight_requests_per_connection=1,  # Without idempotence, parallel requests could change the order.
    )
    sent = [
        producer.send(topic, value, key, [header for header in headers if header[1] is not None], timestamp_ms=timestamp)
        for timestamp, key, value, headers in records
    ]
    producer.flush(LIMIT_S)
    for future in sent:
        future.get(0)
    producer.close()


def read(bootstrap, topic, out):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, max_poll_records=5000)
    for partition in range(PARTITIONS):
        wanted = TopicPartition(topic, partition)
        consumer.assign([wanted])
        consumer.seek_to_beginning(wanted)
        end, count = consumer.end_offsets([wanted])[wanted], 0
        with open(f"{out}/{partition}.bin", "wb") as file:
            while count < end:
                records = consumer.poll(30_000).get(wanted)
                if not records:
                    sys.exit(f"partition {partition}: nothing more after {count} of {end} records")
                for r in records:
                    count += 1
                    file.write(encode_record(r.offset, r.timestamp, r.key, r.value, r.headers))
    consumer.close()


def describe(bootstrap, admin, topic, out):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    topics = consumer.topics()
    if consumer.partitions_for_topic(topic) != set(range(PARTITIONS)):
        sys.exit(f"partitions {consumer.partitions_for_topic(topic)}")
    consumer.close()
    # This version shows replicas and ISR only in its copy of the metadata.
    cluster = admin._client.cluster
    cluster.need_all_topic_metadata = True
    admin._client.poll(future=cluster.request_update())
    partitions = sorted(cluster._partitions[topic].values(), key=lambda p: p.partition)
    (answer,) = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]).resources
    error_code, error, _type, _name, entries = answer
    if error_code:
        sys.exit(f"configs of {topic}: {error_code} {error}")
    write_described(
        out,
        topics,
        [broker.nodeId for broker in cluster.brokers()],
        [(p.partition, p.leader, p.replicas, p.isr) for p in partitions],
        {entry[0]: entry[1] for entry in entries},
    )


def main(bootstrap, topic, corpus, out, *stages):
    servers = bootstrap.split(",")
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.create_topics([NewTopic(topic, PARTITIONS, 3, topic_configs=CONFIGS)])
    records = read_corpus(corpus)
    for stage in stages:
        codec, start, end = stage.split(":")
        write(servers, topic, records[int(start) : int(end)], codec)
    read(servers, topic, out)
    describe(servers, admin, topic, out)
    admin.close()


main(*sys.argv[1:])

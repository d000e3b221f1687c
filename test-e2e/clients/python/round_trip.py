"""confluent-kafka: creates a topic, writes the records of a file to it, reads them back by assignment.

usage: round_trip.py BOOTSTRAP TOPIC CORPUS OUT_FOLDER CODEC:FROM:TO ...
Writes OUT_FOLDER/<partition>.bin in the format of lib/records.ts.
"""
import struct
import sys

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 3
LIMIT_S = 120


def read_corpus(path):
    with open(path, "rb") as file:
        data = file.read()
    position = 0

    def field():
        nonlocal position
        (length,) = struct.unpack_from(">i", data, position)
        position += 4
        if length < 0:
            return None
        position += length
        return data[position - length : position]

    records = []
    while position < len(data):
        (timestamp,) = struct.unpack_from(">q", data, position)
        position += 8
        key, value = field(), field()
        (headers,) = struct.unpack_from(">i", data, position)
        position += 4
        records.append((timestamp, key, value, [(field().decode(), field()) for _ in range(headers)]))
    return records


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
            except BufferError:  # The queue is full: back-pressure, no failure.
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(LIMIT_S)
    if failures or left:
        sys.exit(f"{codec}: {len(failures)} failed, {left} not delivered, first: {failures[:1]}")


def field(data):
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data


def read(bootstrap, topic, out):
    # A group id is asked for by the library, but nothing here joins a group or commits.
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
                    headers = message.headers() or []
                    parts = [
                        struct.pack(">qq", message.offset(), message.timestamp()[1]),
                        field(message.key()),
                        field(message.value()),
                        struct.pack(">i", len(headers)),
                    ]
                    for name, value in headers:
                        parts += [field(name.encode()), field(value)]
                    file.write(b"".join(parts))
    consumer.close()


def main(bootstrap, topic, corpus, out, *stages):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(topic, PARTITIONS, 3)]).values():
        future.result(60)
    records = read_corpus(corpus)
    for stage in stages:
        codec, start, end = stage.split(":")
        write(bootstrap, topic, records[int(start) : int(end)], codec)
    read(bootstrap, topic, out)


main(*sys.argv[1:])

"""Reads back the records of the soak's writers, by assignment.

usage: read_numbers.py BOOTSTRAP TOPIC PARTITIONS OUT_FILE NAME ...
OUT_FILE then has six int64 for each record: partition, offset, writer, n, leader epoch, and the newest high watermark
that the library knew. The writer is given by its index in the list of NAMEs. -1 stands for a writer that is not in the
list, and for a value that the library does not know.
"""
import array
import sys

from confluent_kafka import Consumer, TopicPartition


def main(bootstrap, topic, partitions, out_file, *names):
    writers = {name.encode(): number for number, name in enumerate(names)}
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False})
    rows = array.array("q")
    for partition in range(int(partitions)):
        wanted = TopicPartition(topic, partition, 0)
        _low, end = consumer.get_watermark_offsets(wanted, timeout=60)
        consumer.assign([wanted])
        position = 0
        while position < end:
            messages = consumer.consume(min(5000, end - position), timeout=60)
            if not messages:
                sys.exit(f"partition {partition}: nothing more at offset {position} of {end}")
            _low, high = consumer.get_watermark_offsets(wanted, cached=True)
            for message in messages:
                if message.error():
                    sys.exit(str(message.error()))
                name, n, _rest = message.value().split(b" ", 2)
                position = message.offset() + 1
                writer = writers.get(name, -1)
                epoch = -1 if message.leader_epoch() is None else message.leader_epoch()
                rows.extend((partition, message.offset(), writer, int(n), epoch, max(high, -1)))
    consumer.close()
    if sys.byteorder == "little":
        rows.byteswap()
    with open(out_file, "wb") as file:
        rows.tofile(file)


main(*sys.argv[1:])

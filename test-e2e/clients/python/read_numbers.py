"""Reads back what the soak's writers wrote, by assignment: for each record four int64: partition, offset, writer, n.

usage: read_numbers.py BOOTSTRAP TOPIC PARTITIONS OUT_FILE NAME ...
The writer is given as its place in the list of NAMEs; -1 stands for what none of them wrote.
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
            for message in messages:
                if message.error():
                    sys.exit(str(message.error()))
                name, n, _rest = message.value().split(b" ", 2)
                position = message.offset() + 1
                rows.extend((partition, message.offset(), writers.get(name, -1), int(n)))
    consumer.close()
    if sys.byteorder == "little":
        rows.byteswap()
    with open(out_file, "wb") as file:
        rows.tofile(file)


main(*sys.argv[1:])

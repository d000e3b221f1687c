"""The files of lib/records.ts (records) and clients/described.ts (a client's description of the cluster)."""
import json
import struct

PARTITIONS = 3
CONFIGS = {"retention.ms": "172800000"}


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


def encode_field(data):
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data


def encode_record(offset, timestamp, key, value, headers):
    parts = [struct.pack(">qq", offset, timestamp), encode_field(key), encode_field(value)]
    parts.append(struct.pack(">i", len(headers)))
    for name, content in headers:
        parts += [encode_field(name.encode()), encode_field(content)]
    return b"".join(parts)


def write_described(folder, topics, brokers, partitions, configs):
    """partitions: (partition, leader, replicas, isr); configs: all of the topic's, by name."""
    described = {
        "topics": list(topics),
        "brokers": list(brokers),
        "partitions": [
            {"partition": partition, "leader": leader, "replicas": list(replicas), "isr": list(isr)}
            for partition, leader, replicas, isr in partitions
        ],
        "configs": {name: configs[name] for name in CONFIGS},
    }
    with open(f"{folder}/described.json", "w", encoding="utf8") as file:
        json.dump(described, file)

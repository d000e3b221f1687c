"""The soak's writer on librdkafka: numbered records, acks=all, idempotent, until standard input is closed.

usage: writer.py BOOTSTRAP TOPIC PARTITIONS NAME PACE_MS ACKS_FILE
Record n goes to partition n % PARTITIONS; its value begins with "NAME n ". PACE_MS 0: as fast as possible.
Prints every 50 ms "stat <wall ms> <acked> <longest gap between acks of one partition, ms>", each delivery failure as
"error …", and at the end "done <sent> <acked>". ACKS_FILE then has three int64 for each record n: when it was sent and
when its send ended (microseconds since 1970; -1: it did not end), and its offset (-1: not acked).
"""
import array
import os
import select
import sys
import time

from confluent_kafka import Producer

STAT_S = 0.05
FLUSH_LIMIT_S = 120


class Writer:
    def __init__(self, bootstrap, topic, partitions, name, pace_ms, acks_file):
        self.topic, self.partitions, self.name = topic, int(partitions), name
        self.pace_s, self.acks_file = float(pace_ms) / 1000, acks_file
        self.sent = self.acked = 0
        self.acks = array.array("q")
        self.last_ack = [None] * self.partitions
        self.gap_s = 0.0
        self.next_stat = time.monotonic()
        self.producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 0 if self.pace_s else 5,
                "on_delivery": self.delivered,
                "error_cb": self.error,
            }
        )

    def error(self, error):
        # An error that is not fatal is information only: the library retries by itself.
        if error.fatal():
            print("error fatal", error, flush=True)

    def delivered(self, error, message):
        n = int(message.value().split(b" ", 2)[1])
        self.acks[3 * n + 1] = time.time_ns() // 1000
        if error is not None:
            print("error", error, flush=True)
            return
        now = time.monotonic()
        self.acks[3 * n + 2] = message.offset()
        self.acked += 1
        partition = message.partition()
        if self.last_ack[partition] is not None:
            self.gap_s = max(self.gap_s, now - self.last_ack[partition])
        self.last_ack[partition] = now

    def stat(self):
        now = time.monotonic()
        if now < self.next_stat:
            return
        self.next_stat = now + STAT_S
        gap = max([self.gap_s] + [now - last for last in self.last_ack if last is not None])
        print(f"stat {int(time.time() * 1000)} {self.acked} {gap * 1000:.0f}", flush=True)
        self.gap_s = 0.0

    def produce_one(self):
        value = f"{self.name} {self.sent} {'the water turns the wheel ' * 3}"
        self.acks.extend((time.time_ns() // 1000, -1, -1))
        while True:
            try:
                self.producer.produce(self.topic, value, partition=self.sent % self.partitions)
                break
            except BufferError:  # The queue is full: this is back-pressure, not a failure.
                self.producer.poll(0.01)
                self.stat()
        self.sent += 1

    def run(self):
        next_send = time.monotonic()
        while self.pace_s == 0 and self.sent % 64 or not select.select([sys.stdin], [], [], 0)[0]:
            if self.pace_s:
                next_send += self.pace_s
                while (left := next_send - time.monotonic()) > 0:
                    self.producer.poll(left)
                    self.stat()
            self.produce_one()
            self.producer.poll(0)
            self.stat()
        end = time.monotonic() + FLUSH_LIMIT_S
        while len(self.producer) and time.monotonic() < end:
            self.producer.poll(0.05)
            self.stat()
        if sys.byteorder == "little":
            self.acks.byteswap()
        with open(self.acks_file, "wb") as file:
            self.acks.tofile(file)
        print(f"done {self.sent} {self.acked}", flush=True)


Writer(*sys.argv[1:7]).run()
sys.stdout.flush()
os._exit(0)  # The queue is empty, or the limit is over, so the library's threads need not shut down.

"""A member of a group on librdkafka (confluent-kafka).

usage: group_member.py NAME=VALUE ...     (groups/member-lines.ts)
"""
import os
import sys

from confluent_kafka import Consumer, KafkaException, TopicPartition

from member import Arguments, Lines, Stop


class Member:
    def __init__(self, arguments):
        self.topic, self.lines = arguments.topic, Lines(arguments.commit_s)
        settings = {
            "bootstrap.servers": arguments.bootstrap,
            "group.id": arguments.group,
            "group.protocol": arguments.protocol,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "topic.metadata.refresh.interval.ms": 1000,
            "fetch.wait.max.ms": 100,
            "reconnect.backoff.max.ms": 500,
            "max.poll.interval.ms": max(arguments.rebalance_ms, arguments.session_ms),
            "error_cb": self.lines.error,
        }
        if arguments.instance is not None:
            settings["group.instance.id"] = arguments.instance
        if arguments.protocol == "consumer":
            settings["group.remote.assignor"] = arguments.assignor
        else:
            settings["partition.assignment.strategy"] = arguments.assignor
            settings["session.timeout.ms"] = arguments.session_ms
            settings["heartbeat.interval.ms"] = arguments.heartbeat_ms
        self.consumer = Consumer(settings)

    def commit(self, offsets):
        if not offsets:
            return
        wanted = [TopicPartition(self.topic, partition, offset) for partition, offset in offsets.items()]
        try:
            done = self.consumer.commit(offsets=wanted, asynchronous=False)
        except KafkaException as error:
            self.lines.committed(offsets, error)
            return
        for one in done:
            self.lines.committed({one.partition: one.offset}, one.error)

    def assigned(self, _consumer, partitions):
        self.lines.assigned([one.partition for one in partitions])

    def revoked(self, _consumer, partitions):
        ids = [one.partition for one in partitions]
        self.commit(self.lines.take(ids))
        self.lines.revoked(ids)

    def lost(self, _consumer, partitions):
        self.lines.lost([one.partition for one in partitions])

    def run(self):
        stop = Stop()
        self.consumer.subscribe([self.topic], on_assign=self.assigned, on_revoke=self.revoked, on_lost=self.lost)
        while not stop.asked:
            message = self.consumer.poll(0.1)
            if message is not None and message.error():
                self.lines.error(message.error())
            elif message is not None:
                self.lines.read(message.partition(), [(message.offset(), message.value())])
            if self.lines.is_due():
                self.commit(self.lines.take())
        self.commit(self.lines.take())
        self.consumer.close()
        self.lines.closed()


Member(Arguments(sys.argv[1:])).run()
os._exit(0)

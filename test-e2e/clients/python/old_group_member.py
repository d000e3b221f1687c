"""A member of a group on kafka-python of 2019.

usage: old_group_member.py NAME=VALUE ...     (groups/member-lines.ts)
"""
import os
import sys

import six

# Python 3.12 and later cannot load the copy of six inside the library.
sys.modules["kafka.vendor.six"] = six
sys.modules["kafka.vendor.six.moves"] = six.moves

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from member import Arguments, Lines, Stop

ASSIGNORS = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor}


class Member(ConsumerRebalanceListener):
    def __init__(self, arguments):
        self.topic, self.lines = arguments.topic, Lines(arguments.commit_s)
        self.owned = set()
        self.consumer = KafkaConsumer(
            bootstrap_servers=arguments.bootstrap.split(","),
            group_id=arguments.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=arguments.session_ms,
            heartbeat_interval_ms=arguments.heartbeat_ms,
            max_poll_interval_ms=arguments.rebalance_ms,
            request_timeout_ms=arguments.rebalance_ms + 5000,
            metadata_max_age_ms=1000,
            fetch_max_wait_ms=100,
            reconnect_backoff_max_ms=500,
            partition_assignment_strategy=[ASSIGNORS[arguments.assignor]],
        )

    def commit(self, offsets):
        if not offsets:
            return
        try:
            self.consumer.commit({TopicPartition(self.topic, p): OffsetAndMetadata(o, "") for p, o in offsets.items()})
        except KafkaError as error:
            self.lines.committed(offsets, error)
        else:
            self.lines.committed(offsets)

    def on_partitions_revoked(self, revoked):
        ids = {one.partition for one in revoked} & self.owned
        self.commit(self.lines.take())
        self.owned -= ids
        if ids:
            self.lines.revoked(ids)

    def on_partitions_assigned(self, assigned):
        self.owned = {one.partition for one in assigned}
        self.lines.assigned(self.owned)

    def run(self):
        stop = Stop()
        self.consumer.subscribe([self.topic], listener=self)
        while not stop.asked:
            for where, records in self.consumer.poll(100).items():
                self.lines.read(where.partition, [(record.offset, record.value) for record in records])
            if self.lines.is_due():
                self.commit(self.lines.take())
        self.commit(self.lines.take())
        # The library leaves the group without a call of the listener.
        self.lines.revoked(self.owned)
        self.consumer.close(autocommit=False)
        self.lines.closed()


Member(Arguments(sys.argv[1:])).run()
os._exit(0)

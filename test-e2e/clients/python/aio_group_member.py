"""A member of a group on aiokafka.

usage: aio_group_member.py NAME=VALUE ...     (groups/member-lines.ts)
"""
import asyncio
import os
import sys

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError

from member import Arguments, Lines, Stop

ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
}


class Member(ConsumerRebalanceListener):
    def __init__(self, arguments):
        self.topic, self.lines = arguments.topic, Lines(arguments.commit_s)
        self.owned = set()
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=arguments.bootstrap.split(","),
            group_id=arguments.group,
            group_instance_id=arguments.instance,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=arguments.session_ms,
            heartbeat_interval_ms=arguments.heartbeat_ms,
            rebalance_timeout_ms=arguments.rebalance_ms,
            metadata_max_age_ms=1000,
            fetch_max_wait_ms=100,
            request_timeout_ms=5000,
            partition_assignment_strategy=(ASSIGNORS[arguments.assignor],),
        )

    async def commit(self, offsets):
        if not offsets:
            return
        try:
            await self.consumer.commit({TopicPartition(self.topic, p): offset for p, offset in offsets.items()})
        except KafkaError as error:
            self.lines.committed(offsets, error)
        else:
            self.lines.committed(offsets)

    async def on_partitions_revoked(self, revoked):
        # The library passes the partitions of the old assignment. It calls this also before the first
        # assignment.
        ids = {one.partition for one in revoked} & self.owned
        await self.commit(self.lines.take())
        self.owned -= ids
        if ids:
            self.lines.revoked(ids)

    async def on_partitions_assigned(self, assigned):
        ids = {one.partition for one in assigned}
        self.owned = set(ids)
        self.lines.assigned(ids)

    async def run(self):
        stop = Stop()
        self.consumer.subscribe([self.topic], listener=self)
        await self.consumer.start()
        while not stop.asked:
            batches = await self.consumer.getmany(timeout_ms=100)
            for where, records in batches.items():
                if where.partition in self.owned:
                    self.lines.read(where.partition, [(record.offset, record.value) for record in records])
            if self.lines.is_due():
                await self.commit(self.lines.take())
        await self.commit(self.lines.take())
        # The library leaves the group without a call of the listener.
        self.lines.revoked(self.owned)
        await self.consumer.stop()
        self.lines.closed()


async def main():
    # The library's constructor demands a running event loop.
    await Member(Arguments(sys.argv[1:])).run()


asyncio.run(main())
os._exit(0)

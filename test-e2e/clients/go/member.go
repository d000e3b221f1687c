// A member of a group on franz-go.
//
// usage: client member NAME=VALUE ...     (groups/member-lines.ts)
package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type line struct {
	Event      string          `json:"e"`
	TimeMs     int64           `json:"t"`
	Partitions []int32         `json:"p,omitempty"`
	Offsets    map[int32]int64 `json:"o,omitempty"`
	Message    string          `json:"m,omitempty"`
}

type readLine struct {
	Event     string  `json:"e"`
	TimeMs    int64   `json:"t"`
	Partition int32   `json:"p"`
	Offsets   []int64 `json:"o"`
	Numbers   []int64 `json:"n"`
}

type groupMember struct {
	topic string
	// The library calls back on goroutines of its own, so this lock guards the fields below.
	lock       sync.Mutex
	pending    map[int32]int64
	epochs     map[int32]int32
	nextCommit time.Time
	every      time.Duration
}

var output sync.Mutex

func emit(value any) {
	text, err := json.Marshal(value)
	check(err)
	output.Lock()
	defer output.Unlock()
	_, err = os.Stdout.Write(append(text, '\n'))
	check(err)
}

func nowMs() int64 { return time.Now().UnixMilli() }

func runMember(arguments []string) {
	values := map[string]string{}
	for _, argument := range arguments {
		name, value, _ := strings.Cut(argument, "=")
		values[name] = value
	}
	millis := func(name string) time.Duration {
		number, err := strconv.Atoi(values[name])
		check(err)
		return time.Duration(number) * time.Millisecond
	}
	member := &groupMember{
		topic: values["topic"], pending: map[int32]int64{}, epochs: map[int32]int32{}, every: millis("commit-ms"),
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // The parent closes standard input to stop this member.
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(values["bootstrap"], ",")...),
		kgo.ConsumerGroup(values["group"]), kgo.ConsumeTopics(member.topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(millis("session-ms")), kgo.HeartbeatInterval(millis("heartbeat-ms")),
		kgo.RebalanceTimeout(millis("rebalance-ms")),
		kgo.MetadataMaxAge(time.Second), kgo.MetadataMinAge(200 * time.Millisecond),
		kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.OnPartitionsAssigned(member.assigned),
		kgo.OnPartitionsRevoked(member.revoked),
		kgo.OnPartitionsLost(member.lost),
	}
	if instance := values["instance"]; instance != "" {
		options = append(options, kgo.InstanceID(instance))
	}
	if values["protocol"] == "consumer" {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	} else {
		options = append(options, kgo.Balancers(balancers[values["assignor"]]))
	}
	client := connect(options...)
	for ctx.Err() == nil {
		poll, done := context.WithTimeout(ctx, 100*time.Millisecond)
		fetches := client.PollRecords(poll, 500)
		done()
		for _, failure := range fetches.Errors() {
			if poll.Err() == nil {
				emit(line{Event: "error", TimeMs: nowMs(), Message: failure.Err.Error()})
			}
		}
		fetches.EachPartition(member.process)
		if member.isDue() {
			member.commit(client, nil)
		}
		client.AllowRebalance()
	}
	member.commit(client, nil)
	client.Close()
	emit(line{Event: "closed", TimeMs: nowMs()})
}

var balancers = map[string]kgo.GroupBalancer{
	"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(),
	"sticky": kgo.StickyBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer(),
}

func (m *groupMember) process(fetched kgo.FetchTopicPartition) {
	if len(fetched.Records) == 0 {
		return
	}
	read := readLine{Event: "read", TimeMs: nowMs(), Partition: fetched.Partition}
	for _, record := range fetched.Records {
		number, err := strconv.ParseInt(strings.SplitN(string(record.Value), " ", 3)[1], 10, 64)
		check(err)
		read.Offsets = append(read.Offsets, record.Offset)
		read.Numbers = append(read.Numbers, number)
	}
	emit(read)
	last := fetched.Records[len(fetched.Records)-1]
	m.lock.Lock()
	defer m.lock.Unlock()
	m.pending[fetched.Partition], m.epochs[fetched.Partition] = last.Offset+1, last.LeaderEpoch
}

func (m *groupMember) isDue() bool {
	m.lock.Lock()
	defer m.lock.Unlock()
	return len(m.pending) > 0 && time.Now().After(m.nextCommit)
}

// commit commits the offsets of these partitions; nil: of all.
func (m *groupMember) commit(client *kgo.Client, partitions []int32) {
	m.lock.Lock()
	taken, wanted := map[int32]int64{}, map[int32]kgo.EpochOffset{}
	for partition, offset := range m.pending {
		if partitions == nil || contains(partitions, partition) {
			taken[partition], wanted[partition] = offset, kgo.EpochOffset{Epoch: m.epochs[partition], Offset: offset}
			delete(m.pending, partition)
		}
	}
	m.nextCommit = time.Now().Add(m.every)
	m.lock.Unlock()
	if len(taken) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	done := func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
		message := ""
		if err != nil {
			message = err.Error()
		} else {
			for _, topic := range answer.Topics {
				for _, partition := range topic.Partitions {
					if partition.ErrorCode != 0 {
						message = "error " + strconv.Itoa(int(partition.ErrorCode))
					}
				}
			}
		}
		emit(line{Event: "commit", TimeMs: nowMs(), Offsets: taken, Message: message})
	}
	client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{m.topic: wanted}, done)
}

func (m *groupMember) assigned(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	emit(line{Event: "assigned", TimeMs: nowMs(), Partitions: sorted(partitions[m.topic])})
}

func (m *groupMember) revoked(_ context.Context, client *kgo.Client, partitions map[string][]int32) {
	ids := sorted(partitions[m.topic])
	if len(ids) == 0 {
		return
	}
	m.commit(client, ids)
	emit(line{Event: "revoked", TimeMs: nowMs(), Partitions: ids})
}

func (m *groupMember) lost(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	ids := sorted(partitions[m.topic])
	m.lock.Lock()
	for _, partition := range ids {
		delete(m.pending, partition)
	}
	m.lock.Unlock()
	emit(line{Event: "lost", TimeMs: nowMs(), Partitions: ids})
}

func sorted(partitions []int32) []int32 {
	ids := append([]int32{}, partitions...)
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids
}

func contains(partitions []int32, wanted int32) bool {
	for _, partition := range partitions {
		if partition == wanted {
			return true
		}
	}
	return false
}

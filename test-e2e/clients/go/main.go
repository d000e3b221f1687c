// franz-go: creates a topic, writes the records of a file to it, reads them back by assignment, describes it.
//
// usage: client BOOTSTRAP TOPIC CORPUS OUT_FOLDER CODEC:FROM:TO ...
// Writes OUT_FOLDER/<partition>.bin in the format of lib/records.ts, and described.json in that of described.ts.
// With "member" as the first argument, the program is a member of a group (member.go).
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const partitions = 3

var retention = "172800000"
var configs = map[string]*string{"retention.ms": &retention}

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func main() {
	log.SetFlags(0)
	if os.Args[1] == "member" {
		runMember(os.Args[2:])
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	seeds, topic := kgo.SeedBrokers(strings.Split(os.Args[1], ",")...), os.Args[2]
	create(ctx, seeds, topic)
	records := readCorpus(topic, os.Args[3])
	for _, stage := range os.Args[5:] {
		codec, limits, _ := strings.Cut(stage, ":")
		var from, to int
		_, err := fmt.Sscanf(limits, "%d:%d", &from, &to)
		check(err)
		write(ctx, seeds, codec, records[from:to])
	}
	read(ctx, seeds, topic, os.Args[4])
	describe(ctx, seeds, topic, os.Args[4])
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func connect(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(options...)
	check(err)
	return client
}

func create(ctx context.Context, seeds kgo.Opt, topic string) {
	client := connect(seeds)
	defer client.Close()
	created, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 3, configs, topic)
	check(err)
	check(created.Err)
}

func describe(ctx context.Context, seeds kgo.Opt, topic, folder string) {
	client := connect(seeds)
	defer client.Close()
	admin := kadm.NewClient(client)
	all, err := admin.ListTopics(ctx)
	check(err)
	own, err := admin.ListTopics(ctx, topic)
	check(err)
	brokers, err := admin.ListBrokers(ctx)
	check(err)
	described, err := admin.DescribeTopicConfigs(ctx, topic)
	check(err)
	shown := map[string]string{}
	for _, resource := range described {
		check(resource.Err)
		for _, config := range resource.Configs {
			if _, wanted := configs[config.Key]; wanted {
				shown[config.Key] = config.MaybeValue()
			}
		}
	}
	list := []map[string]any{}
	for _, p := range own[topic].Partitions.Sorted() {
		check(p.Err)
		list = append(list, map[string]any{"partition": p.Partition, "leader": p.Leader, "replicas": p.Replicas, "isr": p.ISR})
	}
	text, err := json.Marshal(map[string]any{
		"topics": all.Names(), "brokers": brokers.NodeIDs(), "partitions": list, "configs": shown,
	})
	check(err)
	check(os.WriteFile(filepath.Join(folder, "described.json"), text, 0o644))
}

func write(ctx context.Context, seeds kgo.Opt, codec string, records []*kgo.Record) {
	client := connect(seeds, kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(20*time.Millisecond))
	defer client.Close()
	check(client.ProduceSync(ctx, records...).FirstErr())
}

func read(ctx context.Context, seeds kgo.Opt, topic, folder string) {
	client := connect(seeds)
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	check(err)
	check(ends.Error())
	client.Close()
	for partition := int32(0); partition < partitions; partition++ {
		end, _ := ends.Lookup(topic, partition)
		readPartition(ctx, seeds, topic, partition, end.Offset, filepath.Join(folder, fmt.Sprintf("%d.bin", partition)))
	}
}

func readPartition(ctx context.Context, seeds kgo.Opt, topic string, partition int32, end int64, path string) {
	start := map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}
	client := connect(seeds, kgo.ConsumePartitions(start))
	defer client.Close()
	file, err := os.Create(path)
	check(err)
	out := bufio.NewWriterSize(file, 1<<20)
	for position := int64(0); position < end; {
		fetches := client.PollFetches(ctx)
		for _, failure := range fetches.Errors() {
			check(failure.Err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			position = record.Offset + 1
			writeRecord(out, record)
		})
	}
	check(out.Flush())
	check(file.Close())
}

func readCorpus(topic, path string) []*kgo.Record {
	data, err := os.ReadFile(path)
	check(err)
	int32At := func() int32 {
		value := int32(binary.BigEndian.Uint32(data))
		data = data[4:]
		return value
	}
	field := func() []byte {
		length := int32At()
		if length < 0 {
			return nil
		}
		value := data[:length:length]
		data = data[length:]
		return value
	}
	var records []*kgo.Record
	for len(data) > 0 {
		millis := int64(binary.BigEndian.Uint64(data))
		data = data[8:]
		record := &kgo.Record{Topic: topic, Timestamp: time.UnixMilli(millis), Key: field(), Value: field()}
		for left := int32At(); left > 0; left-- {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: string(field()), Value: field()})
		}
		records = append(records, record)
	}
	return records
}

func writeRecord(out *bufio.Writer, record *kgo.Record) {
	var buffer []byte
	add := func(value []byte) {
		length := int32(len(value))
		if value == nil {
			length = -1
		}
		buffer = append(binary.BigEndian.AppendUint32(buffer, uint32(length)), value...)
	}
	buffer = binary.BigEndian.AppendUint64(buffer, uint64(record.Offset))
	buffer = binary.BigEndian.AppendUint64(buffer, uint64(record.Timestamp.UnixMilli()))
	add(record.Key)
	add(record.Value)
	buffer = binary.BigEndian.AppendUint32(buffer, uint32(len(record.Headers)))
	for _, header := range record.Headers {
		add([]byte(header.Key))
		add(header.Value)
	}
	_, err := out.Write(buffer)
	check(err)
}

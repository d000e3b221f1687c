import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A member of a group on the Java client.
 *
 * <p>usage: GroupMember NAME=VALUE ... (groups/member-lines.ts)
 */
public final class GroupMember implements ConsumerRebalanceListener {
    private static final Map<String, String> ASSIGNORS = Map.of(
            "range", "org.apache.kafka.clients.consumer.RangeAssignor",
            "cooperative-sticky", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
    private static volatile boolean stopped;

    private final String topic;
    private final long commitMs;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Map<Integer, Long> pending = new TreeMap<>();
    private long nextCommitMs;

    private GroupMember(Map<String, String> arguments) {
        topic = arguments.get("topic");
        commitMs = Long.parseLong(arguments.get("commit-ms"));
        Map<String, Object> settings = new HashMap<>(Map.of(
                "bootstrap.servers", arguments.get("bootstrap"),
                "group.id", arguments.get("group"),
                "group.protocol", arguments.get("protocol"),
                "enable.auto.commit", "false",
                "auto.offset.reset", "earliest",
                "metadata.max.age.ms", "1000",
                "fetch.max.wait.ms", "100",
                "reconnect.backoff.max.ms", "500",
                "max.poll.interval.ms", arguments.get("rebalance-ms")));
        if (arguments.containsKey("instance")) settings.put("group.instance.id", arguments.get("instance"));
        if (arguments.get("protocol").equals("consumer")) {
            settings.put("group.remote.assignor", arguments.get("assignor"));
        } else {
            settings.put("partition.assignment.strategy", ASSIGNORS.get(arguments.get("assignor")));
            settings.put("session.timeout.ms", arguments.get("session-ms"));
            settings.put("heartbeat.interval.ms", arguments.get("heartbeat-ms"));
        }
        consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    public static void main(String[] args) {
        Map<String, String> arguments = new HashMap<>();
        for (String argument : args) {
            String[] parts = argument.split("=", 2);
            arguments.put(parts[0], parts[1]);
        }
        Thread watcher = new Thread(GroupMember::watchInput);
        watcher.setDaemon(true);
        watcher.start();
        new GroupMember(arguments).run();
        System.exit(0);
    }

    /** The parent closes standard input to stop this member. */
    private static void watchInput() {
        try {
            while (System.in.read() >= 0) continue;
        } catch (IOException ignored) {
            // An error counts as closed.
        }
        stopped = true;
    }

    private void run() {
        consumer.subscribe(List.of(topic), this);
        while (!stopped) {
            try {
                process(consumer.poll(Duration.ofMillis(100)));
            } catch (KafkaException error) {
                emit("error", "\"m\":" + quoted(error));
            }
            if (!pending.isEmpty() && System.currentTimeMillis() >= nextCommitMs) commit(null);
        }
        commit(null);
        consumer.close();
        emit("closed", null);
    }

    private void process(ConsumerRecords<byte[], byte[]> records) {
        for (TopicPartition partition : records.partitions()) {
            List<String> offsets = new ArrayList<>();
            List<String> numbers = new ArrayList<>();
            for (ConsumerRecord<byte[], byte[]> record : records.records(partition)) {
                offsets.add(Long.toString(record.offset()));
                numbers.add(new String(record.value(), StandardCharsets.UTF_8).split(" ", 3)[1]);
                pending.put(partition.partition(), record.offset() + 1);
            }
            emit("read", "\"p\":" + partition.partition() + ",\"o\":[" + String.join(",", offsets) + "],\"n\":["
                    + String.join(",", numbers) + "]");
        }
    }

    /** Commits the offsets of these partitions; null: of all. */
    private void commit(Collection<TopicPartition> partitions) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (Map.Entry<Integer, Long> entry : pending.entrySet()) {
            TopicPartition partition = new TopicPartition(topic, entry.getKey());
            if (partitions == null || partitions.contains(partition)) {
                offsets.put(partition, new OffsetAndMetadata(entry.getValue()));
            }
        }
        for (TopicPartition partition : offsets.keySet()) pending.remove(partition.partition());
        nextCommitMs = System.currentTimeMillis() + commitMs;
        if (offsets.isEmpty()) return;
        String shown = offsets.entrySet().stream()
                .map(entry -> "\"" + entry.getKey().partition() + "\":" + entry.getValue().offset())
                .collect(Collectors.joining(",", "\"o\":{", "}"));
        try {
            consumer.commitSync(offsets);
            emit("commit", shown);
        } catch (KafkaException error) {
            emit("commit", shown + ",\"m\":" + quoted(error));
        }
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        emit("assigned", ids(partitions));
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        commit(partitions);
        emit("revoked", ids(partitions));
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        for (TopicPartition partition : partitions) pending.remove(partition.partition());
        emit("lost", ids(partitions));
    }

    private static String ids(Collection<TopicPartition> partitions) {
        return partitions.stream().map(TopicPartition::partition).sorted().map(String::valueOf)
                .collect(Collectors.joining(",", "\"p\":[", "]"));
    }

    private static String quoted(Exception error) {
        String text = error.toString().replaceAll("[\"\\\\\\p{Cntrl}]", " ");
        return '"' + text.substring(0, Math.min(300, text.length())) + '"';
    }

    private static void emit(String event, String fields) {
        System.out.println("{\"e\":\"" + event + "\",\"t\":" + System.currentTimeMillis()
                + (fields == null ? "" : "," + fields) + "}");
    }
}

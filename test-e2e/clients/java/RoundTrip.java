import java.io.DataOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The Java client: creates a topic, writes the records of a file to it, reads them back by assignment, describes it.
 *
 * <p>usage: RoundTrip BOOTSTRAP TOPIC CORPUS OUT_FOLDER CODEC:FROM:TO ...
 */
public final class RoundTrip {
    private static final int PARTITIONS = 3;
    private static final Map<String, String> CONFIGS = Map.of("retention.ms", "172800000");

    public static void main(String[] args) throws Exception {
        String bootstrap = args[0];
        String topic = args[1];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            NewTopic created = new NewTopic(topic, PARTITIONS, (short) 3).configs(CONFIGS);
            admin.createTopics(List.of(created)).all().get();
        }
        List<ProducerRecord<byte[], byte[]>> records = Records.readCorpus(topic, Path.of(args[2]));
        for (int i = 4; i < args.length; i++) {
            String[] stage = args[i].split(":");
            write(bootstrap, stage[0], records.subList(Integer.parseInt(stage[1]), Integer.parseInt(stage[2])));
        }
        read(bootstrap, topic, Path.of(args[3]));
        describe(bootstrap, topic, Path.of(args[3]));
        System.exit(0);
    }

    /** Writes described.json, the form of clients/described.ts. */
    private static void describe(String bootstrap, String topic, Path out) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            Set<String> topics = admin.listTopics().names().get();
            TopicDescription described = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            String configs = admin.describeConfigs(List.of(resource)).all().get().get(resource).entries().stream()
                    .filter(entry -> CONFIGS.containsKey(entry.name()))
                    .map(entry -> "\"" + entry.name() + "\":\"" + entry.value() + "\"")
                    .collect(Collectors.joining(",", "{", "}"));
            String partitions = described.partitions().stream()
                    .map(p -> "{\"partition\":" + p.partition() + ",\"leader\":" + p.leader().id()
                            + ",\"replicas\":" + ids(p.replicas()) + ",\"isr\":" + ids(p.isr()) + "}")
                    .collect(Collectors.joining(",", "[", "]"));
            String names = topics.stream().map(name -> "\"" + name + "\"").collect(Collectors.joining(",", "[", "]"));
            String brokers = ids(admin.describeCluster().nodes().get());
            Files.writeString(out.resolve("described.json"), "{\"topics\":" + names + ",\"brokers\":" + brokers
                    + ",\"partitions\":" + partitions + ",\"configs\":" + configs + "}");
        }
    }

    private static String ids(Collection<Node> nodes) {
        return nodes.stream().map(node -> String.valueOf(node.id())).collect(Collectors.joining(",", "[", "]"));
    }

    private static void write(String bootstrap, String codec, List<ProducerRecord<byte[], byte[]>> records)
            throws Exception {
        AtomicReference<Exception> failure = new AtomicReference<>();
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", bootstrap, "compression.type", codec, "acks", "all", "linger.ms", "20");
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (ProducerRecord<byte[], byte[]> record : records) {
                producer.send(record, (metadata, error) -> failure.compareAndSet(null, error));
            }
            producer.flush();
        }
        if (failure.get() != null) throw failure.get();
    }

    private static void read(String bootstrap, String topic, Path out) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "enable.auto.commit", "false");
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            for (int partition = 0; partition < PARTITIONS; partition++) {
                TopicPartition wanted = new TopicPartition(topic, partition);
                long end = consumer.endOffsets(List.of(wanted)).get(wanted);
                consumer.assign(List.of(wanted));
                consumer.seekToBeginning(List.of(wanted));
                try (DataOutputStream file = Records.create(out.resolve(partition + ".bin"))) {
                    while (consumer.position(wanted) < end) {
                        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofSeconds(30));
                        if (records.isEmpty()) throw new IllegalStateException(wanted + ": nothing more to read");
                        for (ConsumerRecord<byte[], byte[]> record : records) Records.write(file, record);
                    }
                }
            }
        }
    }
}

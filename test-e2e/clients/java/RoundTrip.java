import java.io.DataOutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The Java client: creates a topic, writes the records of a file to it, reads them back by assignment.
 *
 * <p>usage: RoundTrip BOOTSTRAP TOPIC CORPUS OUT_FOLDER CODEC:FROM:TO ...
 */
public final class RoundTrip {
    private static final int PARTITIONS = 3;

    public static void main(String[] args) throws Exception {
        String bootstrap = args[0];
        String topic = args[1];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 3))).all().get();
        }
        List<ProducerRecord<byte[], byte[]>> records = Records.readCorpus(topic, Path.of(args[2]));
        for (int i = 4; i < args.length; i++) {
            String[] stage = args[i].split(":");
            write(bootstrap, stage[0], records.subList(Integer.parseInt(stage[1]), Integer.parseInt(stage[2])));
        }
        read(bootstrap, topic, Path.of(args[3]));
        System.exit(0);
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

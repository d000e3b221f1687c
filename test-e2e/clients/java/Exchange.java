import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The Java client for the exchange of log folders: does what the lines of its input say, one after the other, and
 * answers each line with the line "ok". The words of a line are separated by tabs. All topics have one partition.
 *
 * <pre>
 * producer NAME CODEC [TRANSACTIONAL_ID]      opens an idempotent or transactional producer
 * send NAME TOPIC (TIMESTAMP KEY VALUE)...    sends one batch; the value "-" is null
 * begin NAME, commit NAME, abort NAME         begins or ends a transaction
 * read TOPIC                                  prints "OFFSET TIMESTAMP KEY VALUE" for each record, then "ok"
 * </pre>
 *
 * <p>usage: Exchange BOOTSTRAP
 */
public final class Exchange {
    private static final String NULL = "-";

    private final String bootstrap;
    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private final Map<String, KafkaProducer<String, String>> producers = new HashMap<>();

    private Exchange(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    public static void main(String[] args) throws Exception {
        Exchange exchange = new Exchange(args[0]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            exchange.run(line.split("\t", -1));
            exchange.out.println("ok");
        }
        for (KafkaProducer<String, String> producer : exchange.producers.values()) producer.close(Duration.ZERO);
        System.exit(0);
    }

    private void run(String[] words) throws Exception {
        switch (words[0]) {
            case "producer" -> open(words[1], words[2], words.length > 3 ? words[3] : null);
            case "send" -> send(producers.get(words[1]), words);
            case "begin" -> producers.get(words[1]).beginTransaction();
            case "commit" -> producers.get(words[1]).commitTransaction();
            case "abort" -> producers.get(words[1]).abortTransaction();
            case "read" -> read(words[1]);
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    private void open(String name, String codec, String transactionalId) {
        Map<String, Object> settings = new HashMap<>(Map.of(
                "bootstrap.servers", bootstrap, "compression.type", codec, "acks", "all", "linger.ms", "60000"));
        if (transactionalId != null) settings.put("transactional.id", transactionalId);
        settings.put("batch.size", "1000000");
        settings.put("delivery.timeout.ms", "120000");
        KafkaProducer<String, String> producer =
                new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
        if (transactionalId != null) producer.initTransactions();
        producers.put(name, producer);
    }

    private void send(KafkaProducer<String, String> producer, String[] words) throws Exception {
        Future<RecordMetadata> last = null;
        for (int i = 3; i < words.length; i += 3) {
            String value = words[i + 2].equals(NULL) ? null : words[i + 2];
            last = producer.send(
                    new ProducerRecord<>(words[2], 0, Long.parseLong(words[i]), words[i + 1], value));
        }
        producer.flush();
        if (last != null) last.get();
    }

    private void read(String topic) {
        // When a consumer closes, it waits for the answer to its last Fetch. So the wait of a Fetch is short.
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", bootstrap, "enable.auto.commit", "false", "fetch.max.wait.ms", "1");
        TopicPartition wanted = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            long end = consumer.endOffsets(List.of(wanted)).get(wanted);
            consumer.assign(List.of(wanted));
            consumer.seekToBeginning(List.of(wanted));
            while (consumer.position(wanted) < end) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofSeconds(30));
                for (ConsumerRecord<String, String> record : records)
                    out.println(record.offset() + "\t" + record.timestamp() + "\t" + record.key() + "\t"
                            + (record.value() == null ? NULL : record.value()));
            }
        }
    }
}

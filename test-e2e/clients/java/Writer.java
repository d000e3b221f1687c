import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The soak's writer on the Java client. Arguments, output and file are those of clients/python/writer.py.
 *
 * <p>usage: Writer BOOTSTRAP TOPIC PARTITIONS NAME PACE_MS ACKS_FILE
 */
public final class Writer {
    private static final long STAT_NS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final byte[] PADDING = " the water turns the wheel the water turns the wheel the water turns"
            .getBytes(StandardCharsets.UTF_8);

    private final String topic;
    private final int partitions;
    private final String name;
    private final long paceNs;
    private long sent;
    private long acked;
    /** Per record: when it was sent and when the send ended (microseconds since 1970), and its offset; -1: unknown. */
    private long[] rows = new long[3 << 16];
    private final long[] lastAckNs;
    private long gapNs;
    private long nextStatNs = System.nanoTime();

    private Writer(String[] args) {
        topic = args[1];
        partitions = Integer.parseInt(args[2]);
        name = args[3];
        paceNs = (long) (Double.parseDouble(args[4]) * 1e6);
        lastAckNs = new long[partitions];
    }

    public static void main(String[] args) throws Exception {
        Writer writer = new Writer(args);
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", args[0], "acks", "all", "enable.idempotence", "true",
                "linger.ms", writer.paceNs > 0 ? "0" : "5");
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            Thread statistics = new Thread(writer::printStatistics);
            statistics.setDaemon(true);
            statistics.start();
            writer.run(producer);
        }
        writer.finish(Path.of(args[5]));
        System.exit(0);
    }

    private void run(KafkaProducer<byte[], byte[]> producer) throws Exception {
        long next = System.nanoTime();
        while (!inputClosed()) {
            if (paceNs > 0) {
                next += paceNs;
                long left = next - System.nanoTime();
                if (left > 0) TimeUnit.NANOSECONDS.sleep(left);
            }
            long n = note();
            producer.send(new ProducerRecord<>(topic, (int) (n % partitions), null, null, value(n)),
                    (metadata, error) -> delivered(n, metadata, error));
        }
        producer.flush();
    }

    private byte[] value(long n) {
        byte[] start = (name + ' ' + n).getBytes(StandardCharsets.UTF_8);
        byte[] value = Arrays.copyOf(start, start.length + PADDING.length);
        System.arraycopy(PADDING, 0, value, start.length, PADDING.length);
        return value;
    }

    /** Nobody writes to standard input. The parent closes it, and then a read returns its end. */
    private static volatile boolean closed;

    static {
        Thread watcher = new Thread(() -> {
            try {
                while (System.in.read() >= 0) continue;
            } catch (IOException ignored) {
                // An error counts as closed.
            }
            closed = true;
        });
        watcher.setDaemon(true);
        watcher.start();
    }

    private static boolean inputClosed() {
        return closed;
    }

    private static long nowMicros() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000 + now.getNano() / 1000;
    }

    /** Notes the time of the next record, and returns the record's number. */
    private synchronized long note() {
        int row = (int) (3 * sent);
        if (row >= rows.length) rows = Arrays.copyOf(rows, rows.length * 2);
        rows[row] = nowMicros();
        rows[row + 1] = -1;
        rows[row + 2] = -1;
        return sent++;
    }

    private synchronized void delivered(long n, RecordMetadata metadata, Exception error) {
        int row = (int) (3 * n);
        rows[row + 1] = nowMicros();
        if (error != null) {
            System.out.println("error " + error);
            return;
        }
        rows[row + 2] = metadata.offset();
        acked++;
        long now = System.nanoTime();
        int partition = metadata.partition();
        if (lastAckNs[partition] != 0) gapNs = Math.max(gapNs, now - lastAckNs[partition]);
        lastAckNs[partition] = now;
    }

    private void printStatistics() {
        while (true) {
            try {
                TimeUnit.NANOSECONDS.sleep(Math.max(0, nextStatNs - System.nanoTime()));
            } catch (InterruptedException e) {
                return;
            }
            synchronized (this) {
                long now = System.nanoTime();
                nextStatNs = now + STAT_NS;
                for (long last : lastAckNs) if (last != 0) gapNs = Math.max(gapNs, now - last);
                System.out.println("stat " + System.currentTimeMillis() + ' ' + acked + ' ' + gapNs / 1_000_000);
                gapNs = 0;
            }
        }
    }

    private synchronized void finish(Path file) throws IOException {
        try (DataOutputStream out = Records.create(file)) {
            for (int i = 0; i < 3 * sent; i++) out.writeLong(rows[i]);
        }
        System.out.println("done " + sent + ' ' + acked);
    }
}

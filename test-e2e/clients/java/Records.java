import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** The record files of lib/records.ts. */
final class Records {
    private Records() {}

    static List<ProducerRecord<byte[], byte[]>> readCorpus(String topic, Path file) throws IOException {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 20))) {
            for (long left = Files.size(file); left > 0; ) {
                long timestamp = in.readLong();
                byte[] key = readField(in);
                byte[] value = readField(in);
                int count = in.readInt();
                left -= 8 + size(key) + size(value) + 4;
                List<Header> headers = new ArrayList<>(count);
                for (int i = 0; i < count; i++) {
                    byte[] name = readField(in);
                    byte[] headerValue = readField(in);
                    left -= size(name) + size(headerValue);
                    headers.add(new RecordHeader(new String(name, StandardCharsets.UTF_8), headerValue));
                }
                records.add(new ProducerRecord<>(topic, null, timestamp, key, value, headers));
            }
        }
        return records;
    }

    static DataOutputStream create(Path file) throws IOException {
        return new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file), 1 << 20));
    }

    static void write(DataOutputStream out, ConsumerRecord<byte[], byte[]> record) throws IOException {
        out.writeLong(record.offset());
        out.writeLong(record.timestamp());
        writeField(out, record.key());
        writeField(out, record.value());
        out.writeInt(record.headers().toArray().length);
        for (Header header : record.headers()) {
            writeField(out, header.key().getBytes(StandardCharsets.UTF_8));
            writeField(out, header.value());
        }
    }

    private static byte[] readField(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < 0) return null;
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        return bytes;
    }

    private static void writeField(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) out.write(bytes);
    }

    private static long size(byte[] field) {
        return 4 + (field == null ? 0 : field.length);
    }
}

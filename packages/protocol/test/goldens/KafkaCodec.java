import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;

/**
 * Encodes messages with Kafka's own classes. Reads one message a line, with tabs between the columns, and
 * prints its bytes as hex:
 *
 *     request   API   VERSION JSON     a frame without its size
 *     response  API   VERSION JSON     a frame without its size
 *     key       CLASS VERSION JSON     the record type as int16, then the message
 *     value     CLASS VERSION JSON     the version as int16, then the message
 */
public class KafkaCodec {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int CORRELATION_ID = 7;

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] columns = line.split("\t");
            short version = Short.parseShort(columns[2]);
            System.out.println(HexFormat.of().formatHex(encode(columns[0], columns[1], version, columns[3])));
        }
    }

    private static byte[] encode(String kind, String name, short version, String json) throws Exception {
        String messages = "org.apache.kafka.common.message.";
        if (kind.equals("request")) {
            ApiKeys api = apiOf(name);
            RequestHeaderData header = new RequestHeaderData()
                .setRequestApiKey(api.id)
                .setRequestApiVersion(version)
                .setCorrelationId(CORRELATION_ID)
                .setClientId("kafka-codec");
            Message body = read(messages + name + "RequestData", version, json);
            return joined(bytesOf(header, api.requestHeaderVersion(version)), bytesOf(body, version));
        }
        if (kind.equals("response")) {
            ResponseHeaderData header = new ResponseHeaderData().setCorrelationId(CORRELATION_ID);
            Message body = read(messages + name + "ResponseData", version, json);
            return joined(bytesOf(header, apiOf(name).responseHeaderVersion(version)), bytesOf(body, version));
        }
        Message message = read(name, version, json);
        if (kind.equals("key")) return MessageUtil.toCoordinatorTypePrefixedBytes((ApiMessage) message);
        ByteBuffer buffer = MessageUtil.toVersionPrefixedByteBuffer(version, message);
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    private static ApiKeys apiOf(String name) {
        for (ApiKeys api : ApiKeys.values()) if (api.name.equals(name)) return api;
        throw new IllegalArgumentException(name);
    }

    private static Message read(String className, short version, String json) throws Exception {
        Method read = Class.forName(className + "JsonConverter").getMethod("read", JsonNode.class, short.class);
        return (Message) read.invoke(null, JSON.readTree(json), version);
    }

    private static byte[] bytesOf(Message message, short version) {
        ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    private static byte[] joined(byte[] first, byte[] second) {
        return ByteBuffer.allocate(first.length + second.length).put(first).put(second).array();
    }
}

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.*;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.protocol.types.*;
import org.apache.kafka.common.record.MemoryRecords;

/**
 * Kafka's own message classes as judge over our codec.
 *
 *   java -cp 'libs/*' JudgeKafka.java CODEC COUNT SEED [all]
 *
 * For each message and version we describe:
 * there  our random messages, read and written again by Kafka's class, give
 *        equal bytes, and Kafka's JSON converter the fields our printer gives;
 * back   random messages made from Kafka's own schema objects, brought into
 *        canonical form by Kafka's class, come back from our reader and writer
 *        as equal bytes, with equal JSON.
 * A message passes when all of its versions do. Unstable APIs change between
 * releases: they are compared only when the word "all" says that this is the
 * release we follow.
 */
public class JudgeKafka {
    static final String[] PACKAGES = {
        "org.apache.kafka.common.message.",
        "org.apache.kafka.coordinator.group.generated.",
        "org.apache.kafka.coordinator.transaction.generated.",
        "kafka.internals.generated.",
    };
    static final ObjectMapper JSON = new ObjectMapper();
    static DataOutputStream out;
    static DataInputStream in;
    static Random random;
    static int count;

    record Kind(char kind, String name, short min, short max) { }

    public static void main(String[] args) throws Exception {
        Process codec = new ProcessBuilder(args[0])
            .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        out = new DataOutputStream(new BufferedOutputStream(codec.getOutputStream(), 1 << 20));
        in = new DataInputStream(new BufferedInputStream(codec.getInputStream(), 1 << 20));
        count = Integer.parseInt(args[1]);
        random = new Random(Long.parseLong(args[2]));
        boolean all = args.length > 3 && args[3].equals("all");
        int passed = 0, failed = 0;
        long messages = 0;
        for (Kind kind : list()) {
            if (kind.kind != 'k' && !(kind.kind == 'h' && all))
                continue;
            try {
                Class<?> type = find(kind.name);
                for (short v = kind.min; v <= kind.max; v++)
                    messages += there(kind, type, v) + back(kind, type, v);
                passed++;
            } catch (Exception e) {
                System.out.println("FAIL " + kind.name + ": " + e);
                failed++;
            }
        }
        System.out.println(messages + " messages exchanged, seed " + args[2]);
        System.out.println(passed + " passed, " + failed + " failed");
        out.close();
        System.exit(failed > 0 ? 1 : 0);
    }

    // -- the wire to codec.c

    static List<Kind> list() throws IOException {
        out.write('L');
        out.flush();
        List<Kind> kinds = new ArrayList<>();
        for (int n = in.readUnsignedShort(); n > 0; n--)
            kinds.add(new Kind((char) in.readByte(), in.readUTF(), in.readShort(), in.readShort()));
        return kinds;
    }

    static byte[] blob() throws IOException {
        byte[] b = new byte[in.readInt()];
        in.readFully(b);
        return b;
    }

    // -- Kafka's classes

    static Class<?> find(String name) throws ClassNotFoundException {
        StringBuilder camel = new StringBuilder();
        for (String w : name.split("_"))
            camel.append(Character.toUpperCase(w.charAt(0))).append(w.substring(1));
        for (String p : PACKAGES)
            for (String suffix : new String[] { "Data", "" })
                try {
                    Class<?> c = Class.forName(p + camel + suffix);
                    if (Message.class.isAssignableFrom(c))
                        return c;
                } catch (ClassNotFoundException e) {
                    // not in this package
                }
        throw new ClassNotFoundException(name);
    }

    static Message read(Class<?> type, byte[] bytes, short version) throws Exception {
        Message m = (Message) type.getConstructor().newInstance();
        ByteBuffer b = ByteBuffer.wrap(bytes);
        m.read(new ByteBufferAccessor(b), version);
        check(b.remaining() == 0, "Kafka leaves " + b.remaining() + " bytes");
        return m;
    }

    static byte[] write(Message m, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer b = ByteBuffer.allocate(m.size(cache, version));
        m.write(new ByteBufferAccessor(b), cache, version);
        return b.array();
    }

    static JsonNode json(Class<?> type, Message m, short version) throws Exception {
        Method c = converter(type);
        return c == null ? null : (JsonNode) c.invoke(null, m, version, false);
    }

    static final Map<Class<?>, Method> CONVERTERS = new HashMap<>();

    /** Null where the release has none (records of 3.7's coordinators). */
    static Method converter(Class<?> type) throws Exception {
        if (!CONVERTERS.containsKey(type)) {
            Method c = null;
            try {
                c = Class.forName(type.getName() + "JsonConverter")
                    .getMethod("write", type, short.class, boolean.class);
            } catch (ClassNotFoundException e) {
                // bytes are compared all the same
            }
            CONVERTERS.put(type, c);
        }
        return CONVERTERS.get(type);
    }

    // -- the two directions

    static int there(Kind kind, Class<?> type, short v) throws Exception {
        out.write('G');
        out.writeUTF(kind.kind + kind.name);
        out.writeShort(v);
        out.writeInt(count);
        out.writeLong(random.nextLong());
        out.flush();
        List<byte[]> ours = new ArrayList<>();
        for (int i = 0; i < 2 * count; i++)
            ours.add(blob());
        for (int i = 0; i < count; i++) {
            byte[] bytes = ours.get(2 * i), text = ours.get(2 * i + 1);
            Message m = read(type, bytes, v);
            check(Arrays.equals(bytes, write(m, v)), v, "there: Kafka writes other bytes", text);
            same("", JSON.readTree(text), json(type, m, v), v);
        }
        return count;
    }

    static int back(Kind kind, Class<?> type, short v) throws Exception {
        Schema schema = ((Schema[]) type.getField("SCHEMAS").get(null))[v];
        List<byte[]> theirs = new ArrayList<>();
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Object struct = value(schema);
            ByteBuffer b = ByteBuffer.allocate(schema.sizeOf(struct));
            schema.write(b, struct);
            Message m;
            try {
                m = read(type, b.array(), v);
            } catch (RuntimeException e) {
                // Up to 3.7 the schema objects lack the mark of a null struct.
                check(kind.name.equals("consumer_group_heartbeat_response"),
                    "Kafka cannot read its own: " + e);
                continue;
            }
            messages.add(m);
            theirs.add(write(m, v));
        }
        out.write('E');
        out.writeUTF(kind.kind + kind.name);
        out.writeShort(v);
        out.writeInt(theirs.size());
        for (byte[] b : theirs) {
            out.writeInt(b.length);
            out.write(b);
        }
        out.flush();
        List<byte[]> ours = new ArrayList<>();
        List<Byte> errors = new ArrayList<>();
        for (int i = 0; i < theirs.size(); i++) {
            errors.add(in.readByte());
            ours.add(blob());
            ours.add(blob());
        }
        for (int i = 0; i < theirs.size(); i++) {
            JsonNode node = json(type, messages.get(i), v);
            byte[] text = String.valueOf(node).getBytes(StandardCharsets.UTF_8);
            check(errors.get(i) == 0, v, "back: our error " + errors.get(i), text);
            check(Arrays.equals(theirs.get(i), ours.get(2 * i)), v, "back: we write other bytes", text);
            same("", JSON.readTree(ours.get(2 * i + 1)), node, v);
        }
        return theirs.size();
    }

    // -- comparison

    static void check(boolean ok, String what) {
        if (!ok)
            throw new IllegalStateException(what);
    }

    static void check(boolean ok, short version, String what, byte[] json) {
        if (!ok)
            throw new IllegalStateException("version " + version + " " + what + ": "
                + new String(json, StandardCharsets.UTF_8));
    }

    /** Equal trees; secrets, which our printer hides, are equal to all. */
    static void same(String path, JsonNode ours, JsonNode theirs, short v) {
        boolean equal;
        if (theirs == null)
            return;
        if (ours.isObject() && theirs.isObject()) {
            Set<String> names = new TreeSet<>();
            ours.fieldNames().forEachRemaining(names::add);
            Set<String> real = new TreeSet<>();
            theirs.fieldNames().forEachRemaining(real::add);
            check(names.equals(real), "version " + v + path + ": " + names + ", Kafka " + real);
            for (String n : names)
                same(path + "." + n, ours.get(n), theirs.get(n), v);
            return;
        }
        if (ours.isArray() && theirs.isArray()) {
            check(ours.size() == theirs.size(), "version " + v + path + ": sizes");
            for (int i = 0; i < ours.size(); i++)
                same(path + "[]", ours.get(i), theirs.get(i), v);
            return;
        }
        if (ours.isTextual() && ours.asText().equals("***"))
            equal = !theirs.isNull();
        else if (ours.isNumber() && theirs.isNumber())
            equal = theirs.isIntegralNumber() ? ours.asLong() == theirs.asLong()
                : ours.asDouble() == theirs.asDouble();
        else if (ours.isTextual() && theirs.isBinary())
            equal = ours.asText().equals(theirs.asText());
        else
            equal = ours.getNodeType() == theirs.getNodeType() && ours.asText().equals(theirs.asText());
        check(equal, "version " + v + " " + path + ": " + ours + ", Kafka " + theirs);
    }

    // -- random values for Kafka's schema objects

    static Object value(Type t) throws Exception {
        if (t instanceof Schema schema) {
            if (t.isNullable() && random.nextInt(3) == 0)
                return null;
            Struct s = new Struct(schema);
            for (BoundField f : schema.fields())
                s.set(f, value(f.def.type));
            return s;
        }
        if (t instanceof TaggedFields tags)
            return tagged(tags);
        if (t.isArray()) {
            if (t.isNullable() && random.nextInt(4) == 0)
                return null;
            Object[] a = new Object[random.nextInt(4)];
            for (int i = 0; i < a.length; i++)
                a[i] = value(t.arrayElementType().get());
            return a;
        }
        if (t.isNullable() && random.nextInt(4) == 0)
            return null;
        if (t == Type.BOOLEAN)
            return random.nextBoolean();
        if (t == Type.INT8)
            return (byte) number(8);
        if (t == Type.INT16)
            return (short) number(16);
        if (t == Type.UINT16)
            return (int) number(16) & 0xffff;
        if (t == Type.INT32)
            return (int) number(32);
        if (t == Type.UNSIGNED_INT32)
            return number(32) & 0xffffffffL;
        if (t == Type.INT64)
            return number(64);
        if (t == Type.FLOAT64)
            return random.nextInt(4) == 0 ? 0.0 : random.nextGaussian() * 1e9;
        if (t == Type.UUID)
            return new org.apache.kafka.common.Uuid(number(64), number(64));
        if (t == Type.STRING || t == Type.COMPACT_STRING || t == Type.NULLABLE_STRING
            || t == Type.COMPACT_NULLABLE_STRING)
            return text();
        byte[] b = new byte[random.nextInt(40) == 0 ? 300 : random.nextInt(12)];
        random.nextBytes(b);
        if (t == Type.RECORDS || t == Type.COMPACT_RECORDS)
            return MemoryRecords.readableRecords(ByteBuffer.wrap(b));
        return ByteBuffer.wrap(b);
    }

    static Object tagged(TaggedFields tags) throws Exception {
        java.lang.reflect.Field known = TaggedFields.class.getDeclaredField("fields");
        known.setAccessible(true);
        NavigableMap<Integer, Object> values = new TreeMap<>();
        for (Map.Entry<?, ?> e : ((Map<?, ?>) known.get(tags)).entrySet())
            if (random.nextBoolean())
                values.put((Integer) e.getKey(),
                    value(((org.apache.kafka.common.protocol.types.Field) e.getValue()).type));
        return values;
    }

    static long number(int bits) {
        switch (random.nextInt(6)) {
            case 0: return 0;
            case 1: return -1;
            case 2: return 1L << (bits - 1);
            case 3: return (1L << (bits - 1)) - 1;
            default: return random.nextLong();
        }
    }

    static String text() {
        int n = random.nextInt(40) == 0 ? 300 : random.nextInt(12);
        StringBuilder b = new StringBuilder();
        for (int i = 0; i < n; i++)
            b.appendCodePoint(random.nextInt(12) == 0 ? 0x100 + random.nextInt(0x4000)
                : random.nextInt(128));
        return b.toString();
    }
}

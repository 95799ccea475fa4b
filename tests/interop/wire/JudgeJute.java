import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.*;
import java.lang.reflect.Method;
import java.util.*;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.apache.jute.BinaryInputArchive;
import org.apache.jute.BinaryOutputArchive;
import org.apache.jute.Record;

/**
 * ZooKeeper's own record classes as judge over our jute records.
 *
 *   java -cp 'libs/*' JudgeJute.java CODEC COUNT SEED
 *
 * Our random records, read and written again by ZooKeeper's class, give equal
 * bytes, and its getters give the fields our printer names. Snapshot records,
 * which ZooKeeper has no classes for, are left out.
 */
public class JudgeJute {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Map<String, Class<?>> CLASSES = new HashMap<>();
    /** Names that follow our spelling, not ZooKeeper's. */
    static final Map<String, String> GETTERS = Map.of("pathstodelete", "paths2delete");

    public static void main(String[] args) throws Exception {
        Process codec = new ProcessBuilder(args[0])
            .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        DataOutputStream out = new DataOutputStream(codec.getOutputStream());
        DataInputStream in = new DataInputStream(
            new BufferedInputStream(codec.getInputStream(), 1 << 20));
        int count = Integer.parseInt(args[1]);
        Random random = new Random(Long.parseLong(args[2]));
        int passed = 0, failed = 0;

        findClasses();
        out.write('L');
        out.flush();
        List<String> names = new ArrayList<>();
        for (int n = in.readUnsignedShort(); n > 0; n--) {
            char kind = (char) in.readByte();
            String name = in.readUTF();
            in.readInt();
            if (kind == 'j' && !name.startsWith("snapshot_"))
                names.add(name);
        }
        for (String name : names) {
            out.write('G');
            out.writeUTF("j" + name);
            out.writeShort(0);
            out.writeInt(count);
            out.writeLong(random.nextLong());
            out.flush();
            List<byte[]> ours = new ArrayList<>();
            for (int i = 0; i < 2 * count; i++) {
                ours.add(new byte[in.readInt()]);
                in.readFully(ours.get(i));
            }
            try {
                for (int i = 0; i < count; i++)
                    judge(name, ours.get(2 * i), ours.get(2 * i + 1));
                passed++;
            } catch (Exception e) {
                System.out.println("FAIL jute " + name + ": " + e);
                failed++;
            }
        }
        System.out.println(passed + " passed, " + failed + " failed");
        out.close();
        System.exit(failed > 0 ? 1 : 0);
    }

    /** Lower-case simple name to class, from the jar the records live in. */
    static void findClasses() throws Exception {
        String jar = org.apache.zookeeper.data.Stat.class.getProtectionDomain()
            .getCodeSource().getLocation().getPath();
        try (JarFile f = new JarFile(jar)) {
            for (JarEntry e : Collections.list(f.entries())) {
                String n = e.getName();
                if (!n.endsWith(".class") || n.contains("$"))
                    continue;
                Class<?> c = Class.forName(n.substring(0, n.length() - 6).replace('/', '.'));
                if (Record.class.isAssignableFrom(c) && !c.isInterface())
                    CLASSES.put(c.getSimpleName().toLowerCase(), c);
            }
        }
    }

    static void judge(String name, byte[] bytes, byte[] text) throws Exception {
        Class<?> type = CLASSES.get(name.replace("_", ""));
        if (type == null)
            throw new ClassNotFoundException(name);
        Record r = (Record) type.getConstructor().newInstance();
        ByteArrayInputStream left = new ByteArrayInputStream(bytes);
        JsonNode json = JSON.readTree(text);
        try {
            r.deserialize(BinaryInputArchive.getArchive(left), "r");
        } catch (EOFException e) {
            if (lacksOptional(name, json))
                return; // the old form, which its class does not read
            throw e;
        }
        check(left.available() == 0, "bytes are left");
        ByteArrayOutputStream again = new ByteArrayOutputStream();
        r.serialize(BinaryOutputArchive.getArchive(again), "r");
        check(Arrays.equals(bytes, again.toByteArray()), "other bytes: " + json);
        fields(r, json);
    }

    static boolean lacksOptional(String name, JsonNode json) {
        return switch (name) {
            case "connect_request", "connect_response" -> !json.has("readOnly");
            case "create_txn" -> !json.has("parentCversion");
            case "close_session_txn" -> !json.has("pathsToDelete");
            default -> false;
        };
    }

    /** Each field our printer names has the value the getter gives. */
    static void fields(Object r, JsonNode json) throws Exception {
        for (Iterator<Map.Entry<String, JsonNode>> i = json.fields(); i.hasNext();) {
            Map.Entry<String, JsonNode> e = i.next();
            String name = e.getKey().toLowerCase();
            Method getter = null;
            for (Method m : r.getClass().getMethods())
                if (m.getParameterCount() == 0 && m.getName().equalsIgnoreCase(
                        "get" + GETTERS.getOrDefault(name, name)))
                    getter = m;
            check(getter != null, "no field " + e.getKey());
            value(e.getKey(), getter.invoke(r), e.getValue());
        }
    }

    static void value(String name, Object theirs, JsonNode ours) throws Exception {
        if (theirs instanceof Record) {
            fields(theirs, ours);
        } else if (theirs instanceof List<?> list) {
            check(ours.isArray() && ours.size() == list.size(), name);
            for (int i = 0; i < list.size(); i++)
                value(name, list.get(i), ours.get(i));
        } else if (theirs == null) {
            check(ours.isNull(), name + " is " + ours);
        } else if (theirs instanceof byte[] b) {
            check(ours.asText().equals("***") || Arrays.equals(b, ours.binaryValue()), name);
        } else {
            check(ours.asText().equals(theirs.toString()), name + ": " + ours + ", theirs " + theirs);
        }
    }

    static void check(boolean ok, String what) {
        if (!ok)
            throw new IllegalStateException(what);
    }
}

/* member_librdkafka.py's doings with Apache Kafka's own consumer:
 *
 * Member BOOTSTRAP GROUP TOPIC FILE STRATEGY INSTANCE THREADS
 *
 * THREADS consumers share the process and the file; INSTANCE-1, INSTANCE-2 ...
 * are their instances.
 */
import java.io.FileOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.StringDeserializer;

public class Member {
    static volatile boolean going = true;

    static Properties config(String[] args, int i) {
        Properties p = new Properties();
        p.put("bootstrap.servers", args[0]);
        p.put("group.id", args[1]);
        p.put("partition.assignment.strategy",
              "org.apache.kafka.clients.consumer." + args[4]);
        p.put("auto.offset.reset", "earliest");
        p.put("enable.auto.commit", "false");
        p.put("session.timeout.ms", "6000");
        p.put("heartbeat.interval.ms", "500");
        p.put("max.poll.interval.ms", "10000");
        p.put("max.poll.records", "200");
        p.put("fetch.max.wait.ms", "200");
        p.put("key.deserializer", StringDeserializer.class.getName());
        p.put("value.deserializer", StringDeserializer.class.getName());
        if (!args[5].equals("-"))
            p.put("group.instance.id", args[5] + "-" + i);
        return p;
    }

    static void run(String[] args, int i, FileOutputStream out) throws Exception {
        KafkaConsumer<String, String> c = new KafkaConsumer<>(config(args, i));
        c.subscribe(List.of(args[2]));
        while (going) {
            ConsumerRecords<String, String> records = c.poll(Duration.ofMillis(200));
            if (records.isEmpty())
                continue;
            StringBuilder text = new StringBuilder();
            for (ConsumerRecord<String, String> r : records)
                text.append(r.value()).append('\n');
            synchronized (out) {
                out.write(text.toString().getBytes(StandardCharsets.UTF_8));
            }
            try {
                c.commitSync(Duration.ofSeconds(5));
            } catch (KafkaException e) {
                // a new round: somebody else gets them again
            }
        }
        c.close(Duration.ofSeconds(5));
    }

    public static void main(String[] args) throws Exception {
        FileOutputStream out = new FileOutputStream(args[3], true);
        int n = Integer.parseInt(args[6]);
        CountDownLatch done = new CountDownLatch(n);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            going = false;
            try {
                done.await();
            } catch (InterruptedException e) {
                return;
            }
        }));
        for (int i = 1; i <= n; i++) {
            int me = i;
            new Thread(() -> {
                try {
                    run(args, me, out);
                } catch (Exception e) {
                    e.printStackTrace();
                } finally {
                    done.countDown();
                }
            }).start();
        }
        done.await();
        System.exit(0);
    }
}

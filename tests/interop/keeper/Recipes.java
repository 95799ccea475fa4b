// Recipes HOST:PORT - Curator's recipes, two clients against each other. Prints
// one line for each that works; an exception ends it with status 1.
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.CreateMode;

public class Recipes {
    static CuratorFramework a, b;

    static void must(boolean holds, String what) {
        if (!holds)
            throw new AssertionError(what);
    }

    static void until(BooleanSupplier holds, String what) throws Exception {
        for (long end = System.nanoTime() + 20_000_000_000L; !holds.getAsBoolean();) {
            must(System.nanoTime() < end, what);
            Thread.sleep(5);
        }
    }

    static CuratorFramework client(String connect) {
        CuratorFramework c = CuratorFrameworkFactory.newClient(connect, 10000, 10000,
                new RetryOneTime(200));
        c.start();
        return c;
    }

    static void leaders() throws Exception {
        LeaderLatch one = new LeaderLatch(a, "/latch", "one");
        LeaderLatch two = new LeaderLatch(b, "/latch", "two");
        one.start();
        must(one.await(10, TimeUnit.SECONDS), "one leads");
        two.start();
        until(() -> count(two) == 2, "two take part");
        must(!two.hasLeadership(), "two waits");
        one.close();
        must(two.await(10, TimeUnit.SECONDS), "two leads");
        two.close();
        System.out.println("LeaderLatch");

        LinkedBlockingQueue<String> led = new LinkedBlockingQueue<>();
        List<LeaderSelector> all = new ArrayList<>();
        for (CuratorFramework c : List.of(a, b)) {
            String name = c == a ? "a" : "b";
            LeaderSelector s = new LeaderSelector(c, "/selector", new LeaderSelectorListenerAdapter() {
                public void takeLeadership(CuratorFramework f) {
                    led.add(name);
                }
            });
            s.start();
            all.add(s);
        }
        String first = led.poll(10, TimeUnit.SECONDS), second = led.poll(10, TimeUnit.SECONDS);
        must(first != null && second != null && !first.equals(second), "both have led");
        all.forEach(LeaderSelector::close);
        System.out.println("LeaderSelector");
    }

    static int count(LeaderLatch latch) {
        try {
            return latch.getParticipants().size();
        } catch (Exception e) {
            return -1;
        }
    }

    static void locks() throws Exception {
        InterProcessMutex one = new InterProcessMutex(a, "/mutex"), two = new InterProcessMutex(b, "/mutex");
        must(one.acquire(5, TimeUnit.SECONDS), "first has it");
        must(one.acquire(5, TimeUnit.SECONDS), "and again");
        must(!two.acquire(100, TimeUnit.MILLISECONDS), "second has not");
        one.release();
        one.release();
        must(two.acquire(5, TimeUnit.SECONDS), "second has it");
        two.release();
        System.out.println("InterProcessMutex");

        InterProcessReadWriteLock ra = new InterProcessReadWriteLock(a, "/rw");
        InterProcessReadWriteLock rb = new InterProcessReadWriteLock(b, "/rw");
        must(ra.readLock().acquire(5, TimeUnit.SECONDS), "reader");
        must(rb.readLock().acquire(5, TimeUnit.SECONDS), "reader beside it");
        rb.readLock().release();
        must(!rb.writeLock().acquire(100, TimeUnit.MILLISECONDS), "writer waits");
        ra.readLock().release();
        must(rb.writeLock().acquire(5, TimeUnit.SECONDS), "writer");
        rb.writeLock().release();
        System.out.println("InterProcessReadWriteLock");

        InterProcessSemaphoreV2 sa = new InterProcessSemaphoreV2(a, "/semaphore", 2);
        InterProcessSemaphoreV2 sb = new InterProcessSemaphoreV2(b, "/semaphore", 2);
        var l1 = sa.acquire(5, TimeUnit.SECONDS);
        var l2 = sb.acquire(5, TimeUnit.SECONDS);
        must(l1 != null && l2 != null, "two leases");
        must(sb.acquire(100, TimeUnit.MILLISECONDS) == null, "no third");
        sa.returnLease(l1);
        var l3 = sb.acquire(5, TimeUnit.SECONDS);
        must(l3 != null, "a third when one is back");
        sb.returnLease(l2);
        sb.returnLease(l3);
        System.out.println("InterProcessSemaphoreV2");
    }

    static void meetings() throws Exception {
        DistributedBarrier barrier = new DistributedBarrier(a, "/barrier");
        barrier.setBarrier();
        DistributedBarrier other = new DistributedBarrier(b, "/barrier");
        must(!other.waitOnBarrier(100, TimeUnit.MILLISECONDS), "it holds");
        barrier.removeBarrier();
        must(other.waitOnBarrier(5, TimeUnit.SECONDS), "it is gone");
        System.out.println("DistributedBarrier");

        CountDownLatch through = new CountDownLatch(2);
        for (CuratorFramework c : List.of(a, b))
            new Thread(() -> {
                try {
                    DistributedDoubleBarrier d = new DistributedDoubleBarrier(c, "/double", 2);
                    must(d.enter(10, TimeUnit.SECONDS), "enter");
                    must(d.leave(10, TimeUnit.SECONDS), "leave");
                    through.countDown();
                } catch (Exception e) {
                    e.printStackTrace();
                }
            }).start();
        must(through.await(20, TimeUnit.SECONDS), "both through");
        System.out.println("DistributedDoubleBarrier");

        SimpleDistributedQueue put = new SimpleDistributedQueue(a, "/queue");
        SimpleDistributedQueue take = new SimpleDistributedQueue(b, "/queue");
        for (int i = 0; i < 50; i++)
            put.offer(("m" + i).getBytes());
        for (int i = 0; i < 50; i++)
            must(new String(take.take()).equals("m" + i), "in order");
        System.out.println("SimpleDistributedQueue");

        GroupMember ga = new GroupMember(a, "/group", "a", "A".getBytes());
        GroupMember gb = new GroupMember(b, "/group", "b", "B".getBytes());
        ga.start();
        gb.start();
        until(() -> ga.getCurrentMembers().size() == 2 && gb.getCurrentMembers().size() == 2, "two members");
        gb.close();
        until(() -> ga.getCurrentMembers().size() == 1, "one left");
        ga.close();
        System.out.println("GroupMember");
    }

    static void values() throws Exception {
        SharedCount one = new SharedCount(a, "/count", 3), two = new SharedCount(b, "/count", 3);
        one.start();
        two.start();
        must(one.trySetCount(one.getVersionedValue(), 7), "set");
        until(() -> two.getCount() == 7, "seen");
        one.close();
        two.close();
        DistributedAtomicLong x = new DistributedAtomicLong(a, "/long", new RetryOneTime(10));
        DistributedAtomicLong y = new DistributedAtomicLong(b, "/long", new RetryOneTime(10));
        for (int i = 0; i < 20; i++)
            must((i % 2 == 0 ? x : y).increment().succeeded(), "increment");
        must(y.get().postValue() == 20, "twenty");
        System.out.println("SharedCount, DistributedAtomicLong");
    }

    static void caches(String connect) throws Exception {
        AtomicInteger created = new AtomicInteger(), changed = new AtomicInteger(), deleted = new AtomicInteger();
        CuratorCache cache = CuratorCache.build(a, "/cache");
        cache.listenable().addListener((type, before, after) -> {
            switch (type) {
            case NODE_CREATED -> created.incrementAndGet();
            case NODE_CHANGED -> changed.incrementAndGet();
            case NODE_DELETED -> deleted.incrementAndGet();
            }
        });
        cache.start();
        b.create().creatingParentsIfNeeded().forPath("/cache/x/y", "1".getBytes());
        PathChildrenCache children = new PathChildrenCache(a, "/cache", true);
        children.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
        must(children.getCurrentData().size() == 1, "one child");
        b.create().forPath("/cache/z", "1".getBytes());
        b.setData().forPath("/cache/x/y", "2".getBytes());
        until(() -> created.get() == 4 && changed.get() >= 1, "created and changed");
        until(() -> children.getCurrentData().size() == 2, "two children");
        b.delete().deletingChildrenIfNeeded().forPath("/cache/x");
        until(() -> deleted.get() == 2 && children.getCurrentData().size() == 1, "deleted");
        children.close();
        cache.close();
        System.out.println("CuratorCache, PathChildrenCache");

        CuratorFramework c = client(connect);
        PersistentNode node = new PersistentNode(c, CreateMode.EPHEMERAL, false, "/stays", "x".getBytes());
        node.start();
        must(node.waitForInitialCreate(10, TimeUnit.SECONDS), "there");
        b.delete().forPath("/stays");
        until(() -> {
            try {
                return b.checkExists().forPath("/stays") != null;
            } catch (Exception e) {
                return false;
            }
        }, "there again");
        node.close();
        c.close();
        must(b.checkExists().forPath("/stays") == null, "gone with its owner");
        System.out.println("PersistentNode");
    }

    public static void main(String[] args) throws Exception {
        a = client(args[0]);
        b = client(args[0]);
        leaders();
        locks();
        meetings();
        values();
        caches(args[0]);
        a.close();
        b.close();
        System.out.println("done");
        System.exit(0);
    }
}

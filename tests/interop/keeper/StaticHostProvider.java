package org.apache.zookeeper.client;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Stands before the class of this name in the client of ZooKeeper 3.4, which
 * reads an address as text that Java writes differently since version 14, and so
 * never connects there.
 */
public final class StaticHostProvider implements HostProvider {
    private final List<InetSocketAddress> servers = new ArrayList<>();
    private int next;

    public StaticHostProvider(Collection<InetSocketAddress> all) throws UnknownHostException {
        for (InetSocketAddress a : all)
            servers.add(new InetSocketAddress(InetAddress.getByName(a.getHostString()), a.getPort()));
    }

    public int size() {
        return servers.size();
    }

    public InetSocketAddress next(long spinDelay) {
        return servers.get(next++ % servers.size());
    }

    public void onConnected() {
    }
}

// session HOST:PORT - ZooKeeper's client for Go: its operations and watches.
// Prints what it got, one line each, without times.
package main

import (
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/go-zookeeper/zk"
)

type quiet struct{}

func (quiet) Printf(string, ...interface{}) {}

func event(what string, ch <-chan zk.Event) {
	select {
	case e := <-ch:
		fmt.Println(what, e.Type, e.Path, e.Err)
	case <-time.After(20 * time.Second):
		fmt.Println(what, "never came")
	}
}

func stat(s *zk.Stat) string {
	if s == nil {
		return "none"
	}
	return fmt.Sprint(s.Version, s.Cversion, s.Aversion, s.EphemeralOwner != 0, s.DataLength, s.NumChildren)
}

func connect(server string) *zk.Conn {
	c, events, err := zk.Connect([]string{server}, 10*time.Second, zk.WithLogger(quiet{}))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for e := range events {
		if e.State == zk.StateHasSession {
			break
		}
	}
	go func() {
		for range events {
		}
	}()
	return c
}

func main() {
	a, b := connect(os.Args[1]), connect(os.Args[1])
	open := zk.WorldACL(zk.PermAll)
	for _, path := range []string{"/go", "/go", "/go/x", "/no/parent", "bad"} {
		got, err := a.Create(path, []byte("v"), 0, open)
		fmt.Println("create", path, got, err)
	}
	got, err := a.Create("/go/s-", nil, zk.FlagSequence, open)
	fmt.Println("sequence", got, err)
	got, err = a.Create("/go/e", nil, zk.FlagEphemeral, open)
	fmt.Println("ephemeral", got, err)
	got, err = a.CreateContainer("/go/box", nil, zk.FlagContainer, open)
	fmt.Println("container", got, err)
	got, err = a.CreateTTL("/go/ttl", nil, zk.FlagTTL, open, time.Hour)
	fmt.Println("ttl", got, err)
	protected, err := a.CreateProtectedEphemeralSequential("/go/p-", nil, open)
	fmt.Println("protected", len(protected), err)

	data, s, err := b.Get("/go")
	fmt.Println("get", string(data), stat(s), err)
	_, _, err = b.Get("/missing")
	fmt.Println("get", err)
	names, s, err := b.Children("/go/x")
	sort.Strings(names)
	fmt.Println("children", names, stat(s), err)
	there, s, err := b.Exists("/go/x")
	fmt.Println("exists", there, stat(s), err)
	there, _, err = b.Exists("/missing")
	fmt.Println("exists", there, err)

	_, _, changed, _ := b.GetW("/go/x")
	_, _, below, _ := b.ChildrenW("/go/x")
	_, _, born, _ := b.ExistsW("/go/new")
	s, err = a.Set("/go/x", []byte("other"), 0)
	fmt.Println("set", stat(s), err)
	event("changed", changed)
	_, err = a.Set("/go/x", nil, 0)
	fmt.Println("set", err)
	a.Create("/go/x/y", nil, 0, open)
	event("below", below)
	a.Create("/go/new", nil, 0, open)
	event("born", born)
	_, _, gone, _ := b.ExistsW("/go/new")
	fmt.Println("delete", a.Delete("/go/new", -1))
	event("gone", gone)
	fmt.Println("delete", a.Delete("/go", -1), a.Delete("/go/x/y", 9), a.Delete("/missing", -1))

	results, err := a.Multi(&zk.CreateRequest{Path: "/go/m", Data: []byte("1"), Acl: open},
		&zk.SetDataRequest{Path: "/go/m", Data: []byte("2"), Version: -1},
		&zk.CheckVersionRequest{Path: "/go/m", Version: 1},
		&zk.DeleteRequest{Path: "/go/m", Version: 1})
	fmt.Println("multi", len(results), err)
	results, err = a.Multi(&zk.CreateRequest{Path: "/go/m", Acl: open},
		&zk.CheckVersionRequest{Path: "/go/x", Version: 77})
	fmt.Println("multi", len(results), err)

	fmt.Println("auth", a.AddAuth("digest", []byte("bob:secret")))
	_, err = a.Create("/go/mine", nil, 0, zk.DigestACL(zk.PermAll, "bob", "secret"))
	fmt.Println("create", err)
	_, _, err = b.Get("/go/mine")
	fmt.Println("get", err)
	acl, s, err := a.GetACL("/go/mine")
	fmt.Println("acl", acl, stat(s), err)
	s, err = a.SetACL("/go/mine", zk.WorldACL(zk.PermRead), -1)
	fmt.Println("set acl", stat(s), err)
	path, err := b.Sync("/go")
	fmt.Println("sync", path, err)

	lock := zk.NewLock(a, "/go/lock", open)
	fmt.Println("lock", lock.Lock(), lock.Unlock())
	_, _, ephemeral, _ := b.ExistsW("/go/e")
	a.Close()
	event("ephemeral", ephemeral)
	b.Close()
}

// nats.go, one function a feature; ci/clients/README.md says how it is talked to.
package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

const patience = 10 * time.Second

var features = map[string]func(){
	"connect": plain, "token": guarded, "user-password": guarded, "bcrypt": guarded,
	"nkey": guarded, "creds": guarded, "wrong-password": wrongPassword,
	"no-auth-user": noAuthUser, "permissions": permissions, "user-info": userInfo,
	"import-export": importExport, "tls": tlsAuthority,
	"tls-client-certificate": tlsClientCertificate, "tls-first": tlsFirst,
	"websocket": plain, "websocket-tls": plain, "publish-subscribe": publishSubscribe,
	"wildcards": wildcards, "queue": queue, "headers": headers, "request": request,
	"many-requests": manyRequests, "no-responders": noResponders,
	"unsubscribe-max": unsubscribeMax, "drain": drain, "max-payload": maxPayload, "rtt": rtt,
	"slow-consumer": slowConsumer, "slow-reader": slowReader, "reconnect": reconnect,
	"lame-duck": lameDuck, "reload": reload,
}

func main() {
	feature, ok := features[os.Args[1]]
	if !ok {
		fmt.Println("SKIP this program has no", os.Args[1])
		return
	}
	defer func() {
		if failed := recover(); failed != nil {
			fmt.Println("FAIL", strings.ReplaceAll(fmt.Sprint(failed), "\n", " "))
			return
		}
		fmt.Println("PASS")
	}()
	feature()
}

func fail(format string, words ...any) { panic(fmt.Sprintf(format, words...)) }

func same(what string, got, expected any) {
	if !reflect.DeepEqual(got, expected) {
		show := func(value any) string { return fmt.Sprintf("%.200s", fmt.Sprint(value)) }
		fail("%s: expected %s, got %s", what, show(expected), show(got))
	}
}

// must hands on the value of a call that may not fail.
func must[T any](value T, err error) T {
	if err != nil {
		fail("unexpected error: %v", err)
	}
	return value
}

func check(err error) { must(0, err) }

func await[T any](values <-chan T, what string) T {
	select {
	case value := <-values:
		return value
	case <-time.After(patience):
		fail("%s did not come within %v", what, patience)
		panic("unreachable")
	}
}

func ready() { fmt.Println("READY") }

// credentials is what the environment says of who we are.
func credentials() (options []nats.Option) {
	if user := os.Getenv("NATS_USER"); user != "" {
		options = append(options, nats.UserInfo(user, os.Getenv("NATS_PASSWORD")))
	}
	if token := os.Getenv("NATS_TOKEN"); token != "" {
		options = append(options, nats.Token(token))
	}
	if seed := os.Getenv("NATS_SEED"); seed != "" {
		key := must(nkeys.FromSeed([]byte(seed)))
		options = append(options, nats.Nkey(must(key.PublicKey()), key.Sign))
	}
	if file := os.Getenv("NATS_CREDS"); file != "" {
		options = append(options, nats.UserCredentials(file))
	}
	if file := os.Getenv("NATS_CA"); file != "" {
		options = append(options, nats.RootCAs(file))
	}
	if file := os.Getenv("NATS_CERT"); file != "" {
		options = append(options, nats.ClientCert(file, os.Getenv("NATS_KEY")))
	}
	return options
}

func connect(options ...nats.Option) (*nats.Conn, error) {
	defaults := []nats.Option{nats.Timeout(patience), nats.NoReconnect(),
		nats.ReconnectWait(100 * time.Millisecond), nats.ErrorHandler(nil)}
	return nats.Connect(os.Getenv("NATS_URL"), append(defaults, options...)...)
}

// login connects with the environment's credentials, on which `options` have the last word.
func login(options ...nats.Option) *nats.Conn {
	return must(connect(append(credentials(), options...)...))
}

func refused(what string, options ...nats.Option) {
	if nc, err := connect(options...); err == nil {
		nc.Close()
		fail("a connection %s was not refused", what)
	}
}

func roundTrip(nc *nats.Conn) {
	sub := must(nc.SubscribeSync("allowed.trip"))
	check(nc.Publish("allowed.trip", []byte("there and back")))
	same("payload", string(must(sub.NextMsg(patience)).Data), "there and back")
	check(sub.Unsubscribe())
}

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

func plain() {
	nc := login()
	same("max_payload in INFO", nc.MaxPayload(), int64(1048576))
	roundTrip(nc)
	nc.Close()
}

func guarded() {
	refused("without credentials")
	plain()
}

func wrongPassword() {
	_, err := connect(nats.UserInfo("alice", "wrong"))
	if !errors.Is(err, nats.ErrAuthorization) {
		fail("expected %v, got %v", nats.ErrAuthorization, err)
	}
}

func noAuthUser() {
	refused("with a wrong password", nats.UserInfo("alice", "wrong"))
	roundTrip(must(connect()))
}

func permissions() {
	errs := make(chan error, 10)
	nc := login(nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		errs <- err
	}))
	violation := func(what string) {
		err := await(errs, "an error")
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), what) {
			fail("expected a permissions violation for %s, got %v", what, err)
		}
	}
	check(nc.Publish("denied.publish", nil))
	violation(`Publish to "denied.publish"`)
	must(nc.SubscribeSync("denied.subscribe"))
	violation(`Subscription to "denied.subscribe"`)
	roundTrip(nc)
}

func userInfo() {
	answer := string(must(login().Request("$SYS.REQ.USER.INFO", nil, patience)).Data)
	for _, part := range []string{`"user":"alice"`, `"account":"PROVIDER"`} {
		if !strings.Contains(answer, part) {
			fail("expected %s, got %s", part, answer)
		}
	}
}

func importExport() {
	provider, consumer := login(), login(second())
	answer(provider, "time.now", "noon")
	same("answer", string(must(consumer.Request("clock", nil, patience)).Data), "noon")
	if _, err := consumer.Request("time.now", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
		fail("across accounts without an import: expected no responders, got %v", err)
	}
}

// second is the other user's credentials.
func second() nats.Option {
	return nats.UserInfo(os.Getenv("NATS_USER2"), os.Getenv("NATS_PASSWORD"))
}

func tlsAuthority() {
	refused("that does not know the authority", nats.Secure(&tls.Config{}))
	plain()
}

func tlsClientCertificate() {
	refused("without a certificate", nats.RootCAs(os.Getenv("NATS_CA")))
	plain()
}

func tlsFirst() { roundTrip(login(nats.TLSHandshakeFirst())) }

func publishSubscribe() {
	nc := login()
	sub := must(nc.SubscribeSync("sizes"))
	for _, size := range []int{0, 1, 127, 4096, 65536, int(nc.MaxPayload())} {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(i * 7 % 251)
		}
		check(nc.Publish("sizes", payload))
		same(fmt.Sprintf("a payload of %d", size), string(must(sub.NextMsg(patience)).Data),
			string(payload))
	}
}

func wildcards() {
	nc := login()
	matching := map[string][]string{
		"a.*.c": {"a.b.c", "a.x.c"}, "a.>": {"a.b", "a.b.c", "a.x.c", "a.b.c.d"}}
	subs := map[string]*nats.Subscription{}
	for pattern := range matching {
		subs[pattern] = must(nc.SubscribeSync(pattern))
	}
	for _, subject := range []string{"a", "a.b", "a.b.c", "a.x.c", "a.b.c.d", "b.b.c"} {
		check(nc.Publish(subject, nil))
	}
	check(nc.Flush())
	for pattern, expected := range matching {
		var heard []string
		for range must(pending(subs[pattern])) {
			heard = append(heard, must(subs[pattern].NextMsg(patience)).Subject)
		}
		same("heard by "+pattern, heard, expected)
	}
}

// pending is how many messages wait in a subscription.
func pending(sub *nats.Subscription) (int, error) {
	messages, _, err := sub.Pending()
	return messages, err
}

func queue() {
	nc := login()
	var members []*nats.Subscription
	for range 3 {
		members = append(members, must(nc.QueueSubscribeSync("work", "workers")))
	}
	for number := range 300 {
		check(nc.Publish("work", []byte(fmt.Sprint(number))))
	}
	check(nc.Flush())
	heard := map[string]int{}
	for _, member := range members {
		for range must(pending(member)) {
			heard[string(must(member.NextMsg(patience)).Data)]++
		}
	}
	for number := range 300 {
		same(fmt.Sprintf("copies of message %d", number), heard[fmt.Sprint(number)], 1)
	}
	same("different messages", len(heard), 300)
}

func headers() {
	nc := login()
	sub := must(nc.SubscribeSync("headers"))
	sent := nats.Header{"Color": {"blue", "green"}, "Empty": {""}, "Sentence": {"one: two, three"}}
	check(nc.PublishMsg(&nats.Msg{Subject: "headers", Header: sent, Data: []byte("with headers")}))
	message := must(sub.NextMsg(patience))
	same("headers", message.Header, sent)
	same("payload", string(message.Data), "with headers")
}

// answer serves a subject: with this text, and the request's own behind it.
func answer(nc *nats.Conn, subject, text string) {
	must(nc.Subscribe(subject, func(m *nats.Msg) { m.Respond(append([]byte(text), m.Data...)) }))
	check(nc.Flush())
}

func request() {
	server, client := login(), login()
	answer(server, "echo", "re: ")
	same("answer", string(must(client.Request("echo", []byte("hello"), patience)).Data), "re: hello")
}

func manyRequests() {
	server, client := login(), login()
	answer(server, "echo", "re: ")
	wrong := make(chan error, 1000)
	for number := range 1000 {
		go func() {
			reply, err := client.Request("echo", []byte(fmt.Sprint(number)), patience)
			if err == nil && string(reply.Data) != fmt.Sprintf("re: %d", number) {
				err = fmt.Errorf("request %d was answered with %s", number, reply.Data)
			}
			wrong <- err
		}()
	}
	for range 1000 {
		check(await(wrong, "an answer"))
	}
}

func noResponders() {
	_, err := login().Request("nobody", nil, patience)
	if !errors.Is(err, nats.ErrNoResponders) {
		fail("expected %v, got %v", nats.ErrNoResponders, err)
	}
}

func unsubscribeMax() {
	nc := login()
	heard := make(chan string, 5)
	sub := must(nc.Subscribe("some", func(m *nats.Msg) { heard <- string(m.Data) }))
	check(sub.AutoUnsubscribe(3))
	for number := range 5 {
		check(nc.Publish("some", []byte(fmt.Sprint(number))))
	}
	roundTrip(nc)
	for number := range 3 {
		same("message", await(heard, "a message"), fmt.Sprint(number))
	}
	same("messages beyond", len(heard), 0)
}

func drain() {
	closed := make(chan bool, 1)
	nc := login(nats.ClosedHandler(func(*nats.Conn) { closed <- true }))
	publisher := login()
	var heard []string
	must(nc.Subscribe("many", func(m *nats.Msg) { heard = append(heard, string(m.Data)) }))
	check(nc.Flush())
	var sent []string
	for number := range 100 {
		sent = append(sent, fmt.Sprint(number))
		check(publisher.Publish("many", []byte(sent[number])))
	}
	check(publisher.Flush())
	check(nc.Drain())
	await(closed, "the end of the connection")
	same("messages", heard, sent)
}

func maxPayload() {
	nc := login()
	same("max_payload in INFO", nc.MaxPayload(), int64(1024))
	if err := nc.Publish("large", make([]byte, 1025)); !errors.Is(err, nats.ErrMaxPayload) {
		fail("expected %v, got %v", nats.ErrMaxPayload, err)
	}
	roundTrip(nc)
}

func rtt() {
	if took := must(login().RTT()); took <= 0 {
		fail("a round trip took %v", took)
	}
}

func slowConsumer() {
	errs, release := make(chan error, 100), make(chan bool)
	nc := login(nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		errs <- err
	}))
	sub := must(nc.Subscribe("fast", func(*nats.Msg) { <-release }))
	check(sub.SetPendingLimits(10, -1))
	for range 100 {
		check(nc.Publish("fast", nil))
	}
	if err := await(errs, "an error"); !errors.Is(err, nats.ErrSlowConsumer) {
		fail("expected %v, got %v", nats.ErrSlowConsumer, err)
	}
	close(release)
	roundTrip(nc)
}

// outlive loses the connection, and finds it again with its subscription.
func outlive(subject string) {
	lost, back, found := make(chan bool, 9), make(chan bool, 9), make(chan bool, 9)
	reconnecting := func(o *nats.Options) error {
		o.AllowReconnect = true
		return nil
	}
	nc := login(reconnecting, nats.MaxReconnects(-1),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { lost <- true }),
		nats.ReconnectHandler(func(*nats.Conn) { back <- true }))
	must(nc.Subscribe(subject, func(m *nats.Msg) {
		if string(m.Data) == "still here" {
			found <- true
		}
	}))
	check(nc.Flush())
	ready()
	await(lost, "the end of the connection")
	await(back, "the new connection")
	check(nc.Publish(subject, []byte("still here")))
	await(found, "a message to the old subscription")
}

func slowReader() { outlive("flood") }

func reconnect() { outlive("lasting") }

func lameDuck() {
	told := make(chan bool, 1)
	nc := login(nats.LameDuckModeHandler(func(*nats.Conn) { told <- true }))
	roundTrip(nc)
	ready()
	await(told, "the word that the server leaves")
}

func reload() {
	closed := make(chan bool, 1)
	alice := login()
	login(second(), nats.ClosedHandler(func(*nats.Conn) { closed <- true }))
	ready()
	await(closed, "the end of bob's connection")
	refused("of a user that is no more", second())
	roundTrip(alice)
}

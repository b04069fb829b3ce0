// Takes the place of nats-server as a library, which the tests of nats.go start servers with.
module github.com/nats-io/nats-server/v2

go 1.24

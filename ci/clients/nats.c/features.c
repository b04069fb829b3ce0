// The features.

#include "client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void plain(void) {
  natsConnection *nc = login();
  same("max_payload in INFO", natsConnection_GetMaxPayload(nc), 1048576);
  round_trip(nc);
  natsConnection_Destroy(nc);
}

static void guarded(void) {
  refused("without credentials", options_plain());
  plain();
}

static void nkey(void) {
  refused("without credentials", options_plain());
  natsOptions *options = options_plain();
  CHECK(natsOptions_SetNKeyFromSeed(options, getenv("NATS_NKEY"), getenv("NATS_SEED_FILE")));
  round_trip(connect_with(options));
}

static void wrong_password(void) {
  natsStatus status = refused("with a wrong password", options_user("alice", "wrong"));
  if (status != NATS_CONNECTION_AUTH_FAILED && status != NATS_NOT_PERMITTED)
    fail("expected an authorization failure, got %s", natsStatus_GetText(status));
}

static void no_auth_user(void) {
  refused("with a wrong password", options_user("alice", "wrong"));
  round_trip(connect_with(options_plain()));
}

static void permissions(void) {
  Event *error = event_new();
  natsOptions *options = options_login();
  CHECK(natsOptions_SetErrorHandler(options, on_error, error));
  natsConnection *nc = connect_with(options);
  CHECK(natsConnection_PublishString(nc, "denied.publish", ""));
  same("status", event_await(error, 1, "an error"), NATS_NOT_PERMITTED);
  natsSubscription *sub;
  CHECK(natsConnection_SubscribeSync(&sub, nc, "denied.subscribe"));
  same("status", event_await(error, 2, "a second error"), NATS_NOT_PERMITTED);
  round_trip(nc);
}

static void user_info(void) {
  natsMsg *reply;
  CHECK(natsConnection_RequestString(&reply, login(), "$SYS.REQ.USER.INFO", "", PATIENCE_MS));
  const char *data = natsMsg_GetData(reply);
  if (!strstr(data, "\"user\":\"alice\"") || !strstr(data, "\"account\":\"PROVIDER\""))
    fail("expected alice of PROVIDER, got %s", data);
}

// Answers with the closure, a text, and the request's payload behind it.
static void on_request(natsConnection *nc, natsSubscription *sub, natsMsg *message, void *text) {
  (void)sub;
  char reply[64];
  snprintf(reply, sizeof reply, "%s%.*s", (char *)text, natsMsg_GetDataLength(message),
           natsMsg_GetData(message));
  natsConnection_PublishString(nc, natsMsg_GetReply(message), reply);
  natsMsg_Destroy(message);
}

static void answer(natsConnection *nc, const char *subject, char *text) {
  natsSubscription *sub;
  CHECK(natsConnection_Subscribe(&sub, nc, subject, on_request, text));
  CHECK(natsConnection_FlushTimeout(nc, PATIENCE_MS));
}

static void unanswered(natsConnection *nc, const char *subject) {
  natsMsg *reply;
  natsStatus status = natsConnection_RequestString(&reply, nc, subject, "", PATIENCE_MS);
  if (status != NATS_NO_RESPONDERS)
    fail("expected no responders, got %s", natsStatus_GetText(status));
}

static void import_export(void) {
  natsConnection *provider = login(), *consumer = connect_with(options_bob());
  natsMsg *reply;
  answer(provider, "time.now", "noon");
  CHECK(natsConnection_RequestString(&reply, consumer, "clock", "", PATIENCE_MS));
  same_text(reply, "noon");
  unanswered(consumer, "time.now");
}

static void tls(void) {
  refused("that does not know the authority", options_plain());
  plain();
}

static void tls_client_certificate(void) {
  natsOptions *options = options_plain();
  CHECK(natsOptions_LoadCATrustedCertificates(options, getenv("NATS_CA")));
  refused("without a certificate", options);
  plain();
}

static void tls_first(void) { skip("nats.c can begin with TLS from 3.9 on"); }

static void websocket(void) { skip("nats.c has no WebSocket"); }

static void publish_subscribe(void) {
  natsConnection *nc = login();
  natsSubscription *sub;
  CHECK(natsConnection_SubscribeSync(&sub, nc, "sizes"));
  const int sizes[] = {0, 1, 127, 4096, 65536, (int)natsConnection_GetMaxPayload(nc)};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *payload = malloc(sizes[i] + 1);
    for (int at = 0; at < sizes[i]; at++) payload[at] = (char)(at * 7 % 251);
    CHECK(natsConnection_Publish(nc, "sizes", payload, sizes[i]));
    natsMsg *message = next(sub);
    same("size", natsMsg_GetDataLength(message), sizes[i]);
    if (memcmp(natsMsg_GetData(message), payload, sizes[i]) != 0)
      fail("a payload of %d bytes came otherwise", sizes[i]);
    natsMsg_Destroy(message);
    free(payload);
  }
}

// What waits in a subscription are messages on exactly these subjects.
static void heard(natsSubscription *sub, const char *const *subjects, int count) {
  uint64_t waiting;
  CHECK(natsSubscription_QueuedMsgs(sub, &waiting));
  same("messages heard", (long long)waiting, count);
  for (int i = 0; i < count; i++) {
    const char *subject = natsMsg_GetSubject(next(sub));
    if (strcmp(subject, subjects[i]) != 0) fail("expected %s, got %s", subjects[i], subject);
  }
}

static void wildcards(void) {
  const char *published[] = {"a", "a.b", "a.b.c", "a.x.c", "a.b.c.d", "b.b.c"};
  natsConnection *nc = login();
  natsSubscription *one, *rest;
  CHECK(natsConnection_SubscribeSync(&one, nc, "a.*.c"));
  CHECK(natsConnection_SubscribeSync(&rest, nc, "a.>"));
  for (int i = 0; i < 6; i++) CHECK(natsConnection_PublishString(nc, published[i], ""));
  CHECK(natsConnection_FlushTimeout(nc, PATIENCE_MS));
  heard(one, published + 2, 2);
  heard(rest, published + 1, 4);
}

static void queue(void) {
  natsConnection *nc = login();
  natsSubscription *members[3];
  int copies[300] = {0};
  char text[16];
  for (int i = 0; i < 3; i++)
    CHECK(natsConnection_QueueSubscribeSync(&members[i], nc, "work", "workers"));
  for (int number = 0; number < 300; number++) {
    snprintf(text, sizeof text, "%d", number);
    CHECK(natsConnection_PublishString(nc, "work", text));
  }
  CHECK(natsConnection_FlushTimeout(nc, PATIENCE_MS));
  for (int i = 0; i < 3; i++) {
    uint64_t waiting;
    CHECK(natsSubscription_QueuedMsgs(members[i], &waiting));
    while (waiting-- > 0) {
      int number = atoi(natsMsg_GetData(next(members[i])));
      if (number < 0 || number >= 300) fail("message %d was never sent", number);
      copies[number]++;
    }
  }
  for (int number = 0; number < 300; number++) same("copies of a message", copies[number], 1);
}

// None is empty: 3.4.1 reads an empty value as if the next line belonged to it.
static void headers(void) {
  natsConnection *nc = login();
  natsSubscription *sub;
  natsMsg *message;
  const char *sent[][2] = {
      {"Color", "blue"}, {"Color", "green"}, {"Sentence", "one: two, three"}};
  CHECK(natsConnection_SubscribeSync(&sub, nc, "headers"));
  CHECK(natsMsg_Create(&message, "headers", NULL, "with headers", 12));
  for (int i = 0; i < 3; i++) CHECK(natsMsgHeader_Add(message, sent[i][0], sent[i][1]));
  CHECK(natsConnection_PublishMsg(nc, message));
  message = next(sub);
  const char **keys, **values;
  int count;
  CHECK(natsMsgHeader_Keys(message, &keys, &count));
  same("header names", count, 2);
  for (int i = 0; i < 3; i++) {
    bool second = i == 1;
    CHECK(natsMsgHeader_Values(message, sent[i][0], &values, &count));
    same("values of one name", count, i < 2 ? 2 : 1);
    if (strcmp(values[second], sent[i][1]) != 0)
      fail("%s: expected %s, got %s", sent[i][0], sent[i][1], values[second]);
  }
  same_text(message, "with headers");
}

static void request(void) {
  natsConnection *server = login(), *client = login();
  natsMsg *reply;
  answer(server, "echo", "re: ");
  CHECK(natsConnection_RequestString(&reply, client, "echo", "hello", PATIENCE_MS));
  same_text(reply, "re: hello");
}

// A thousand requests in flight: the library's own call waits, so each is a publish with a reply
// subject of its own below one inbox.
static void many_requests(void) {
  natsConnection *server = login(), *client = login();
  natsSubscription *sub;
  char reply[32], text[16];
  bool answered[1000] = {false};
  answer(server, "echo", "re: ");
  CHECK(natsConnection_SubscribeSync(&sub, client, "inbox.*"));
  for (int number = 0; number < 1000; number++) {
    snprintf(reply, sizeof reply, "inbox.%d", number);
    snprintf(text, sizeof text, "%d", number);
    CHECK(natsConnection_PublishRequestString(client, "echo", reply, text));
  }
  for (int i = 0; i < 1000; i++) {
    natsMsg *message = next(sub);
    int number = atoi(natsMsg_GetSubject(message) + strlen("inbox."));
    if (number < 0 || number >= 1000 || answered[number]) fail("two answers to %d", number);
    answered[number] = true;
    snprintf(text, sizeof text, "re: %d", number);
    same_text(message, text);
  }
}

static void no_responders(void) { unanswered(login(), "nobody"); }

static void unsubscribe_max(void) {
  natsConnection *nc = login();
  natsSubscription *sub;
  natsMsg *message;
  const char *numbers[] = {"0", "1", "2", "3", "4"};
  CHECK(natsConnection_SubscribeSync(&sub, nc, "some"));
  CHECK(natsSubscription_AutoUnsubscribe(sub, 3));
  for (int i = 0; i < 5; i++) CHECK(natsConnection_PublishString(nc, "some", numbers[i]));
  round_trip(nc);
  for (int i = 0; i < 3; i++) same_text(next(sub), numbers[i]);
  natsStatus status = natsSubscription_NextMsg(&message, sub, PATIENCE_MS);
  if (status != NATS_MAX_DELIVERED_MSGS)
    fail("expected no message after the third, got %s", natsStatus_GetText(status));
}

static void on_number(natsConnection *nc, natsSubscription *sub, natsMsg *message, void *event) {
  (void)nc, (void)sub;
  event_happens(event, (natsStatus)atoi(natsMsg_GetData(message)));
  natsMsg_Destroy(message);
}

static void drain(void) {
  Event *message = event_new(), *closed = event_new();
  natsOptions *options = options_login();
  CHECK(natsOptions_SetClosedCB(options, on_connection, closed));
  natsConnection *nc = connect_with(options), *publisher = login();
  natsSubscription *sub;
  char text[16];
  CHECK(natsConnection_Subscribe(&sub, nc, "many", on_number, message));
  CHECK(natsConnection_FlushTimeout(nc, PATIENCE_MS));
  for (int number = 0; number < 100; number++) {
    snprintf(text, sizeof text, "%d", number);
    CHECK(natsConnection_PublishString(publisher, "many", text));
  }
  CHECK(natsConnection_FlushTimeout(publisher, PATIENCE_MS));
  CHECK(natsConnection_Drain(nc));
  event_await(closed, 1, "the end of the connection");
  same("the last of 100 messages", event_await(message, 100, "all messages"), 99);
}

static void max_payload(void) {
  static const char payload[1025];
  natsConnection *nc = login();
  same("max_payload in INFO", natsConnection_GetMaxPayload(nc), 1024);
  same("status", natsConnection_Publish(nc, "large", payload, sizeof payload), NATS_MAX_PAYLOAD);
  round_trip(nc);
}

static void rtt(void) {
  int64_t nanoseconds = 0;
  CHECK(natsConnection_GetRTT(login(), &nanoseconds));
  if (nanoseconds <= 0) fail("a round trip took %lld ns", (long long)nanoseconds);
}

static void slow_consumer(void) {
  Event *error = event_new();
  natsOptions *options = options_login();
  CHECK(natsOptions_SetErrorHandler(options, on_error, error));
  natsConnection *nc = connect_with(options);
  natsSubscription *sub;
  CHECK(natsConnection_SubscribeSync(&sub, nc, "fast")); // nobody reads
  CHECK(natsSubscription_SetPendingLimits(sub, 10, -1));
  for (int i = 0; i < 100; i++) CHECK(natsConnection_PublishString(nc, "fast", ""));
  same("status", event_await(error, 1, "an error"), NATS_SLOW_CONSUMER);
  round_trip(nc);
}

static void on_text(natsConnection *nc, natsSubscription *sub, natsMsg *message, void *event) {
  (void)nc, (void)sub;
  if (natsMsg_GetDataLength(message) == 10) event_happens(event, NATS_OK);
  natsMsg_Destroy(message);
}

// The connection is lost and comes back, and its subscription with it.
static void outlive(const char *subject) {
  Event *lost = event_new(), *back = event_new(), *found = event_new();
  natsOptions *options = options_login();
  CHECK(natsOptions_SetAllowReconnect(options, true));
  CHECK(natsOptions_SetMaxReconnect(options, -1));
  CHECK(natsOptions_SetReconnectWait(options, 100));
  CHECK(natsOptions_SetDisconnectedCB(options, on_connection, lost));
  CHECK(natsOptions_SetReconnectedCB(options, on_connection, back));
  natsConnection *nc = connect_with(options);
  natsSubscription *sub;
  CHECK(natsConnection_Subscribe(&sub, nc, subject, on_text, found));
  CHECK(natsConnection_FlushTimeout(nc, PATIENCE_MS));
  ready();
  event_await(lost, 1, "the end of the connection");
  event_await(back, 1, "the new connection");
  CHECK(natsConnection_PublishString(nc, subject, "still here"));
  event_await(found, 1, "a message to the old subscription");
}

static void slow_reader(void) { outlive("flood"); }

static void reconnect(void) { outlive("lasting"); }

static void lame_duck(void) {
  Event *told = event_new();
  natsOptions *options = options_login();
  CHECK(natsOptions_SetLameDuckModeCB(options, on_connection, told));
  round_trip(connect_with(options));
  ready();
  event_await(told, 1, "the word that the server leaves");
}

static void reload(void) {
  Event *closed = event_new();
  natsConnection *alice = login();
  natsOptions *options = options_bob();
  CHECK(natsOptions_SetClosedCB(options, on_connection, closed));
  connect_with(options);
  ready();
  event_await(closed, 1, "the end of bob's connection");
  refused("of a user that is no more", options_bob());
  round_trip(alice);
}

const Feature features[] = {
    {"connect", plain},
    {"token", guarded},
    {"user-password", guarded},
    {"bcrypt", guarded},
    {"nkey", nkey},
    {"creds", guarded},
    {"wrong-password", wrong_password},
    {"no-auth-user", no_auth_user},
    {"permissions", permissions},
    {"user-info", user_info},
    {"import-export", import_export},
    {"tls", tls},
    {"tls-client-certificate", tls_client_certificate},
    {"tls-first", tls_first},
    {"websocket", websocket},
    {"websocket-tls", websocket},
    {"publish-subscribe", publish_subscribe},
    {"wildcards", wildcards},
    {"queue", queue},
    {"headers", headers},
    {"request", request},
    {"many-requests", many_requests},
    {"no-responders", no_responders},
    {"unsubscribe-max", unsubscribe_max},
    {"drain", drain},
    {"max-payload", max_payload},
    {"rtt", rtt},
    {"slow-consumer", slow_consumer},
    {"slow-reader", slow_reader},
    {"reconnect", reconnect},
    {"lame-duck", lame_duck},
    {"reload", reload},
    {NULL, NULL},
};

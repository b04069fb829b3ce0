// nats.c, one function a feature; ci/clients/README.md says how it is talked to.

#include "client.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (const Feature *feature = features; count == 2 && feature->name; feature++) {
    if (strcmp(feature->name, arguments[1]) == 0) {
      feature->run();
      puts("PASS");
      fflush(stdout);
      _Exit(0); // connections may still be open
    }
  }
  skip("this program has no such feature");
}

void fail(const char *format, ...) {
  va_list words;
  va_start(words, format);
  fputs("FAIL ", stdout);
  vprintf(format, words);
  putchar('\n');
  fflush(stdout);
  _Exit(1);
}

void skip(const char *reason) {
  printf("SKIP %s\n", reason);
  fflush(stdout);
  _Exit(0);
}

void check(natsStatus status, const char *call) {
  if (status != NATS_OK) {
    const char *more = nats_GetLastError(NULL);
    fail("%s: %s%s%s", call, natsStatus_GetText(status), more ? ": " : "", more ? more : "");
  }
}

void same(const char *what, long long got, long long expected) {
  if (got != expected) fail("%s: expected %lld, got %lld", what, expected, got);
}

void same_text(natsMsg *message, const char *expected) {
  int length = natsMsg_GetDataLength(message);
  const char *data = natsMsg_GetData(message);
  if (length != (int)strlen(expected) || memcmp(data, expected, length) != 0)
    fail("payload: expected %s, got %.*s", expected, length, data);
  natsMsg_Destroy(message);
}

void ready(void) { puts("READY"); }

struct Event {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int count;
  natsStatus status;
};

Event *event_new(void) {
  Event *event = calloc(1, sizeof *event);
  if (!event) fail("no memory");
  pthread_mutex_init(&event->lock, NULL);
  pthread_cond_init(&event->changed, NULL);
  return event;
}

void event_happens(Event *event, natsStatus status) {
  pthread_mutex_lock(&event->lock);
  event->count++;
  event->status = status;
  pthread_cond_broadcast(&event->changed);
  pthread_mutex_unlock(&event->lock);
}

natsStatus event_await(Event *event, int count, const char *what) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += PATIENCE_MS / 1000;
  pthread_mutex_lock(&event->lock);
  while (event->count < count) {
    if (pthread_cond_timedwait(&event->changed, &event->lock, &deadline) != 0)
      fail("%s did not come within %d s", what, PATIENCE_MS / 1000);
  }
  natsStatus status = event->status;
  pthread_mutex_unlock(&event->lock);
  return status;
}

void on_connection(natsConnection *nc, void *event) {
  (void)nc;
  event_happens(event, NATS_OK);
}

void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *event) {
  (void)nc, (void)sub;
  event_happens(event, status);
}

natsOptions *options_plain(void) {
  natsOptions *options;
  CHECK(natsOptions_Create(&options));
  CHECK(natsOptions_SetURL(options, getenv("NATS_URL")));
  CHECK(natsOptions_SetTimeout(options, PATIENCE_MS));
  CHECK(natsOptions_SetAllowReconnect(options, false));
  if (getenv("NATS_CA")) CHECK(natsOptions_SetSecure(options, true));
  return options;
}

natsOptions *options_login(void) {
  natsOptions *options = options_plain();
  const char *user = getenv("NATS_USER"), *token = getenv("NATS_TOKEN");
  const char *creds = getenv("NATS_CREDS"), *ca = getenv("NATS_CA"), *cert = getenv("NATS_CERT");
  if (user) CHECK(natsOptions_SetUserInfo(options, user, getenv("NATS_PASSWORD")));
  if (token) CHECK(natsOptions_SetToken(options, token));
  if (creds) CHECK(natsOptions_SetUserCredentialsFromFiles(options, creds, NULL));
  if (ca) CHECK(natsOptions_LoadCATrustedCertificates(options, ca));
  if (cert) CHECK(natsOptions_LoadCertificatesChain(options, cert, getenv("NATS_KEY")));
  return options;
}

natsOptions *options_user(const char *user, const char *password) {
  natsOptions *options = options_plain();
  CHECK(natsOptions_SetUserInfo(options, user, password));
  return options;
}

natsOptions *options_bob(void) {
  return options_user(getenv("NATS_USER2"), getenv("NATS_PASSWORD"));
}

natsConnection *connect_with(natsOptions *options) {
  natsConnection *nc;
  CHECK(natsConnection_Connect(&nc, options));
  natsOptions_Destroy(options);
  return nc;
}

natsConnection *login(void) { return connect_with(options_login()); }

natsStatus refused(const char *what, natsOptions *options) {
  natsConnection *nc;
  natsStatus status = natsConnection_Connect(&nc, options);
  if (status == NATS_OK) fail("a connection %s was not refused", what);
  natsOptions_Destroy(options);
  return status;
}

natsMsg *next(natsSubscription *sub) {
  natsMsg *message;
  CHECK(natsSubscription_NextMsg(&message, sub, PATIENCE_MS));
  return message;
}

void round_trip(natsConnection *nc) {
  natsSubscription *sub;
  CHECK(natsConnection_SubscribeSync(&sub, nc, "allowed.trip"));
  CHECK(natsConnection_PublishString(nc, "allowed.trip", "there and back"));
  same_text(next(sub), "there and back");
  CHECK(natsSubscription_Unsubscribe(sub));
  natsSubscription_Destroy(sub);
}

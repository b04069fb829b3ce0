// What the features have in common.
#pragma once

#include <nats.h>
#include <stdbool.h>

#define PATIENCE_MS 10000

// Says FAIL and leaves.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Says SKIP and leaves.
_Noreturn void skip(const char *reason);

// Leaves unless the call succeeded.
#define CHECK(call) check(call, #call)
void check(natsStatus status, const char *call);

// Leaves unless two numbers are the same.
void same(const char *what, long long got, long long expected);

// Leaves unless a message has this payload; destroys it.
void same_text(natsMsg *message, const char *expected);

void ready(void);

// Counts something that callbacks see, and remembers the last status.
typedef struct Event Event;
Event *event_new(void);
void event_happens(Event *event, natsStatus status);
// Leaves unless it happens, `count` times in all; the status of the last.
natsStatus event_await(Event *event, int count, const char *what);

// Callbacks whose closure is an Event.
void on_connection(natsConnection *nc, void *event);
void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *event);

// Options with the URL, and those with the environment's credentials, too.
natsOptions *options_plain(void);
natsOptions *options_login(void);
natsOptions *options_user(const char *user, const char *password);
natsOptions *options_bob(void);

// The connection that these options give, or leave; the options are destroyed.
natsConnection *connect_with(natsOptions *options);
natsConnection *login(void);

// Leaves unless the connection is refused; how it was.
natsStatus refused(const char *what, natsOptions *options);

natsMsg *next(natsSubscription *sub);
void round_trip(natsConnection *nc);

// The features.
typedef struct {
  const char *name;
  void (*run)(void);
} Feature;
extern const Feature features[];

import static java.util.stream.Collectors.toList;

import io.nats.client.AuthenticationException;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;
import io.nats.client.Consumer;
import io.nats.client.ErrorListener;
import io.nats.client.JetStreamStatusException;
import io.nats.client.Message;
import io.nats.client.Options;
import io.nats.client.Subscription;
import io.nats.client.impl.Headers;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;

/** The features. */
final class Features {
  /** One of them: it fails by throwing. */
  interface Feature {
    void run() throws Exception;
  }

  static final Map<String, Feature> ALL = new HashMap<>();

  static {
    for (String name : List.of("connect", "websocket", "websocket-tls")) {
      ALL.put(name, Features::plain);
    }
    for (String name : List.of("token", "user-password", "bcrypt", "nkey", "creds")) {
      ALL.put(name, Features::guarded);
    }
    ALL.put("wrong-password", Features::wrongPassword);
    ALL.put("no-auth-user", Features::noAuthUser);
    ALL.put("permissions", Features::permissions);
    ALL.put("user-info", Features::userInfo);
    ALL.put("import-export", Features::importExport);
    ALL.put("tls", Features::tls);
    ALL.put("tls-client-certificate", Features::tlsClientCertificate);
    ALL.put("tls-first", Features::tlsFirst);
    ALL.put("publish-subscribe", Features::publishSubscribe);
    ALL.put("wildcards", Features::wildcards);
    ALL.put("queue", Features::queue);
    ALL.put("headers", Features::headers);
    ALL.put("request", Features::request);
    ALL.put("many-requests", Features::manyRequests);
    ALL.put("no-responders", Features::noResponders);
    ALL.put("unsubscribe-max", Features::unsubscribeMax);
    ALL.put("drain", Features::drain);
    ALL.put("max-payload", Features::maxPayload);
    ALL.put("rtt", Features::rtt);
    ALL.put("slow-consumer", Features::slowConsumer);
    ALL.put("slow-reader", () -> outlive("flood"));
    ALL.put("reconnect", () -> outlive("lasting"));
    ALL.put("lame-duck", Features::lameDuck);
    ALL.put("reload", Features::reload);
  }

  private Features() {}

  private static void plain() throws Exception {
    Connection connection = Client.login();
    Client.same("max_payload in INFO", connection.getMaxPayload(), 1048576L);
    Client.roundTrip(connection);
    connection.close();
  }

  private static void guarded() throws Exception {
    Client.refused("without credentials", Client.plainOptions());
    plain();
  }

  private static Options.Builder wrong() {
    return Client.plainOptions().userInfo("alice", "wrong");
  }

  private static void wrongPassword() throws Exception {
    Exception refusal = Client.refused("with a wrong password", wrong());
    Client.same("kind of error", refusal.getClass(), AuthenticationException.class);
  }

  private static void noAuthUser() throws Exception {
    Client.refused("with a wrong password", wrong());
    Client.roundTrip(Client.connect(Client.plainOptions()));
  }

  private static void permissions() throws Exception {
    BlockingQueue<String> errors = new LinkedBlockingQueue<>();
    Connection connection = Client.connect(Client.loginOptions().errorListener(
        new ErrorListener() {
          @Override
          public void errorOccurred(Connection unused, String error) {
            errors.add(error.toLowerCase());
          }
        }));
    connection.publish("denied.publish", null);
    violation(errors, "publish to \"denied.publish\"");
    connection.subscribe("denied.subscribe");
    violation(errors, "subscription to \"denied.subscribe\"");
    Client.roundTrip(connection);
  }

  private static void violation(BlockingQueue<String> errors, String what) throws Exception {
    String error = Client.await(errors, "an error");
    Client.same("the error is a violation for " + what + ", not " + error,
        error.contains("permissions violation for " + what), true);
  }

  private static void userInfo() throws Exception {
    Message reply = Client.login().request("$SYS.REQ.USER.INFO", null, Client.PATIENCE);
    if (reply == null) {
      throw new Client.Failed("expected an answer, got none");
    }
    String answer = Client.text(reply);
    for (String part : List.of("\"user\":\"alice\"", "\"account\":\"PROVIDER\"")) {
      Client.same(part + " in " + answer, answer.contains(part), true);
    }
  }

  private static void importExport() throws Exception {
    Connection provider = Client.login();
    Connection consumer = Client.connect(Client.bobOptions().reportNoResponders());
    answer(provider, "time.now", "noon");
    Client.same("answer", ask(consumer, "clock", ""), "noon");
    unanswered(consumer, "time.now");
  }

  /** Serves a subject: with this text, and the request's own behind it. */
  private static void answer(Connection server, String subject, String text) throws Exception {
    server.createDispatcher(request -> server.publish(
        request.getReplyTo(), Client.bytes(text + Client.text(request)))).subscribe(subject);
    server.flush(Client.PATIENCE);
  }

  private static String ask(Connection client, String subject, String text) throws Exception {
    return Client.text(Client.await(client.request(subject, Client.bytes(text)), "an answer"));
  }

  private static void unanswered(Connection client, String subject) throws Exception {
    try {
      ask(client, subject, "");
    } catch (ExecutionException error) {
      Client.same("kind of error", error.getCause().getClass(), JetStreamStatusException.class);
      JetStreamStatusException cause = (JetStreamStatusException) error.getCause();
      Client.same("status", cause.getStatus().getCode(), 503);
      return;
    }
    throw new Client.Failed("a request that nobody serves was answered");
  }

  private static void noResponders() throws Exception {
    unanswered(Client.connect(Client.loginOptions().reportNoResponders()), "nobody");
  }

  private static void tls() throws Exception {
    Client.refused("that does not know the authority",
        Client.plainOptions().sslContext(SSLContext.getDefault()));
    plain();
  }

  private static void tlsClientCertificate() throws Exception {
    Client.refused("without a certificate", Client.plainOptions().sslContext(Client.tls(null)));
    plain();
  }

  private static void tlsFirst() throws Exception {
    Client.roundTrip(Client.connect(Client.loginOptions().tlsFirst()));
  }

  private static void publishSubscribe() throws Exception {
    Connection connection = Client.login();
    Subscription messages = connection.subscribe("sizes");
    for (int size : new int[] {0, 1, 127, 4096, 65536, (int) connection.getMaxPayload()}) {
      byte[] payload = new byte[size];
      for (int i = 0; i < size; i++) {
        payload[i] = (byte) (i * 7 % 251);
      }
      connection.publish("sizes", payload);
      Client.same("a payload of " + size + " comes as it was sent",
          java.util.Arrays.equals(Client.next(messages).getData(), payload), true);
    }
  }

  /** All that waits in a subscription. */
  private static List<Message> waiting(Subscription messages) throws Exception {
    List<Message> heard = new ArrayList<>();
    for (long left = messages.getPendingMessageCount(); left > 0; left--) {
      heard.add(Client.next(messages));
    }
    return heard;
  }

  private static void wildcards() throws Exception {
    Connection connection = Client.login();
    Subscription one = connection.subscribe("a.*.c");
    Subscription rest = connection.subscribe("a.>");
    for (String subject : List.of("a", "a.b", "a.b.c", "a.x.c", "a.b.c.d", "b.b.c")) {
      connection.publish(subject, null);
    }
    connection.flush(Client.PATIENCE);
    Client.same("heard by a.*.c",
        waiting(one).stream().map(Message::getSubject).collect(toList()),
        List.of("a.b.c", "a.x.c"));
    Client.same("heard by a.>",
        waiting(rest).stream().map(Message::getSubject).collect(toList()),
        List.of("a.b", "a.b.c", "a.x.c", "a.b.c.d"));
  }

  private static List<Integer> numbers(int count) {
    return IntStream.range(0, count).boxed().collect(toList());
  }

  private static void queue() throws Exception {
    Connection connection = Client.login();
    List<Subscription> members = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      members.add(connection.subscribe("work", "workers"));
    }
    for (int number : numbers(300)) {
      connection.publish("work", Client.bytes(Integer.toString(number)));
    }
    connection.flush(Client.PATIENCE);
    List<Integer> heard = new ArrayList<>();
    for (Subscription member : members) {
      waiting(member).forEach(message -> heard.add(Integer.valueOf(Client.text(message))));
    }
    Collections.sort(heard);
    Client.same("messages over all members", heard, numbers(300));
  }

  private static void headers() throws Exception {
    Connection connection = Client.login();
    Subscription messages = connection.subscribe("headers");
    Headers sent = new Headers().add("Color", "blue", "green").add("Empty", "")
        .add("Sentence", "one: two, three");
    connection.publish("headers", sent, Client.bytes("with headers"));
    Message message = Client.next(messages);
    Client.same("header names", message.getHeaders().keySet(), sent.keySet());
    for (String name : sent.keySet()) {
      Client.same(name, message.getHeaders().get(name), sent.get(name));
    }
    Client.same("payload", Client.text(message), "with headers");
  }

  private static void request() throws Exception {
    Connection server = Client.login();
    answer(server, "echo", "re: ");
    Client.same("answer", ask(Client.login(), "echo", "hello"), "re: hello");
  }

  private static void manyRequests() throws Exception {
    Connection server = Client.login();
    Connection client = Client.login();
    answer(server, "echo", "re: ");
    List<CompletableFuture<Message>> replies = new ArrayList<>();
    for (int number : numbers(1000)) {
      replies.add(client.request("echo", Client.bytes(Integer.toString(number))));
    }
    for (int number : numbers(1000)) {
      String reply = Client.text(Client.await(replies.get(number), "an answer"));
      Client.same("answer", reply, "re: " + number);
    }
  }

  private static void unsubscribeMax() throws Exception {
    Connection connection = Client.login();
    Subscription messages = connection.subscribe("some");
    messages.unsubscribe(3);
    for (int number : numbers(5)) {
      connection.publish("some", Client.bytes(Integer.toString(number)));
    }
    Client.roundTrip(connection);
    Client.same("messages",
        waiting(messages).stream().map(Client::text).collect(toList()), List.of("0", "1", "2"));
  }

  private static void drain() throws Exception {
    CompletableFuture<Boolean> closed = new CompletableFuture<>();
    Connection connection = Client.connect(
        Client.loginOptions().connectionListener(Client.on(Map.of(Events.CLOSED, closed))));
    Connection publisher = Client.login();
    List<Integer> heard = Collections.synchronizedList(new ArrayList<>());
    connection.createDispatcher(message -> heard.add(Integer.valueOf(Client.text(message))))
        .subscribe("many");
    connection.flush(Client.PATIENCE);
    for (int number : numbers(100)) {
      publisher.publish("many", Client.bytes(Integer.toString(number)));
    }
    publisher.flush(Client.PATIENCE);
    Client.same("drained", Client.await(connection.drain(Client.PATIENCE), "the end"), true);
    Client.await(closed, "the end of the connection");
    Client.same("messages", heard, numbers(100));
  }

  private static void maxPayload() throws Exception {
    Connection connection = Client.login();
    Client.same("max_payload in INFO", connection.getMaxPayload(), 1024L);
    try {
      connection.publish("large", new byte[1025]);
    } catch (IllegalArgumentException error) {
      Client.roundTrip(connection);
      return;
    }
    throw new Client.Failed("a message over max_payload was published");
  }

  private static void rtt() throws Exception {
    Client.same("a round trip takes no time", Client.login().RTT().isZero(), false);
  }

  private static void slowConsumer() throws Exception {
    CompletableFuture<Boolean> told = new CompletableFuture<>();
    Connection connection = Client.connect(Client.loginOptions().errorListener(
        new ErrorListener() {
          @Override
          public void slowConsumerDetected(Connection unused, Consumer consumer) {
            told.complete(true);
          }
        }));
    connection.subscribe("fast").setPendingLimits(10, -1); // nobody reads
    for (int number : numbers(100)) {
      connection.publish("fast", Client.bytes(Integer.toString(number)));
    }
    Client.await(told, "slowConsumerDetected");
    Client.roundTrip(connection);
  }

  /** The connection is lost and comes back, and its subscription with it. */
  private static void outlive(String subject) throws Exception {
    CompletableFuture<Boolean> lost = new CompletableFuture<>();
    CompletableFuture<Boolean> back = new CompletableFuture<>();
    CompletableFuture<Boolean> found = new CompletableFuture<>();
    Connection connection = Client.connect(Client.loginOptions().maxReconnects(-1)
        .connectionListener(
            Client.on(Map.of(Events.DISCONNECTED, lost, Events.RESUBSCRIBED, back))));
    connection.createDispatcher(message -> {
      if (Client.text(message).equals("still here")) {
        found.complete(true);
      }
    }).subscribe(subject);
    connection.flush(Client.PATIENCE);
    Client.ready();
    Client.await(lost, "the end of the connection");
    Client.await(back, "the new connection");
    connection.publish(subject, Client.bytes("still here"));
    Client.await(found, "a message to the old subscription");
  }

  private static void lameDuck() throws Exception {
    CompletableFuture<Boolean> told = new CompletableFuture<>();
    Client.roundTrip(Client.connect(
        Client.loginOptions().connectionListener(Client.on(Map.of(Events.LAME_DUCK, told)))));
    Client.ready();
    Client.await(told, "the word that the server leaves");
  }

  private static void reload() throws Exception {
    CompletableFuture<Boolean> closed = new CompletableFuture<>();
    Connection alice = Client.login();
    Client.connect(Client.bobOptions().connectionListener(Client.on(Map.of(Events.CLOSED, closed))));
    Client.ready();
    Client.await(closed, "the end of bob's connection");
    Client.refused("of a user that is no more", Client.bobOptions());
    Client.roundTrip(alice);
  }
}

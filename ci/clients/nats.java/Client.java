// nats.java, one method a feature; ci/clients/README.md says how it is talked to.

import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** What the features have in common. */
final class Client {
  static final Duration PATIENCE = Duration.ofSeconds(10);

  /** What was expected, and what came. */
  static final class Failed extends Exception {
    private static final long serialVersionUID = 1;

    Failed(String text) {
      super(text);
    }
  }

  private Client() {}

  public static void main(String[] arguments) {
    Features.Feature feature = Features.ALL.get(arguments[0]);
    String verdict = "PASS";
    if (feature == null) {
      verdict = "SKIP this program has no " + arguments[0];
    } else {
      try {
        feature.run();
      } catch (Failed failed) {
        verdict = "FAIL " + failed.getMessage();
      } catch (Exception error) {
        error.printStackTrace();
        verdict = "FAIL unexpected " + error;
      }
    }
    System.out.println(verdict.replace('\n', ' '));
    System.out.flush();
    Runtime.getRuntime().halt(0); // threads of open connections would go on
  }

  static void ready() {
    System.out.println("READY");
  }

  static void same(String what, Object got, Object expected) throws Failed {
    if (!Objects.equals(got, expected)) {
      throw new Failed(what + ": expected " + expected + ", got " + got);
    }
  }

  static <T> T await(CompletableFuture<T> future, String what) throws Exception {
    try {
      return future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (TimeoutException late) {
      throw new Failed(what + " did not come within " + PATIENCE);
    }
  }

  static <T> T await(BlockingQueue<T> queue, String what) throws Exception {
    T value = queue.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    if (value == null) {
      throw new Failed(what + " did not come within " + PATIENCE);
    }
    return value;
  }

  static String env(String name) {
    return System.getenv(name);
  }

  /** Options without any credentials. */
  static Options.Builder plainOptions() {
    return new Options.Builder().server(env("NATS_URL")).noReconnect()
        .connectionTimeout(PATIENCE).reconnectWait(Duration.ofMillis(100));
  }

  /** Options with what the environment says of who we are. */
  static Options.Builder loginOptions() throws Exception {
    Options.Builder options = plainOptions();
    if (env("NATS_USER") != null) {
      options.userInfo(env("NATS_USER"), env("NATS_PASSWORD"));
    }
    if (env("NATS_TOKEN") != null) {
      options.token(env("NATS_TOKEN").toCharArray());
    }
    if (env("NATS_SEED") != null) {
      options.authHandler(Nats.staticCredentials(null, env("NATS_SEED").toCharArray()));
    }
    if (env("NATS_CREDS") != null) {
      options.authHandler(Nats.credentials(env("NATS_CREDS")));
    }
    if (env("NATS_CA") != null) {
      options.sslContext(tls(env("NATS_P12")));
    }
    return options;
  }

  /** The second user's options. */
  static Options.Builder bobOptions() {
    return plainOptions().userInfo(env("NATS_USER2"), env("NATS_PASSWORD"));
  }

  /** TLS that trusts the authority and shows the certificate of this file, if there is one. */
  static SSLContext tls(String certificate) throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (InputStream file = new FileInputStream(env("NATS_CA"))) {
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      trusted.setCertificateEntry("authority", factory.generateCertificate(file));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    KeyManager[] keys = null;
    if (certificate != null) {
      KeyStore own = KeyStore.getInstance("PKCS12");
      try (InputStream file = new FileInputStream(certificate)) {
        own.load(file, new char[0]);
      }
      KeyManagerFactory factory =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      factory.init(own, new char[0]);
      keys = factory.getKeyManagers();
    }
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys, trust.getTrustManagers(), null);
    return context;
  }

  static Connection connect(Options.Builder options) throws Exception {
    return Nats.connect(options.build());
  }

  static Connection login() throws Exception {
    return connect(loginOptions());
  }

  /** Fails unless the connection is refused; how it was. The library tells when time is up. */
  static Exception refused(String what, Options.Builder options) throws Exception {
    try {
      connect(options.connectionTimeout(Duration.ofSeconds(2))).close();
    } catch (IOException refusal) {
      return refusal;
    }
    throw new Failed("a connection " + what + " was not refused");
  }

  /** A listener that completes the future of each event that happens. */
  static ConnectionListener on(Map<ConnectionListener.Events, CompletableFuture<Boolean>> awaited) {
    return (connection, event) -> {
      if (awaited.containsKey(event)) {
        awaited.get(event).complete(true);
      }
    };
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String text(Message message) {
    return new String(message.getData(), StandardCharsets.UTF_8);
  }

  static Message next(Subscription messages) throws Exception {
    Message message = messages.nextMessage(PATIENCE);
    if (message == null) {
      throw new Failed("no message came within " + PATIENCE);
    }
    return message;
  }

  static void roundTrip(Connection connection) throws Exception {
    Subscription messages = connection.subscribe("allowed.trip");
    connection.publish("allowed.trip", bytes("there and back"));
    same("payload", text(next(messages)), "there and back");
    messages.unsubscribe();
  }
}

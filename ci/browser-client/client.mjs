// What runs in the browser: nats.js, and what is done with it.
import { wsconnect } from "@nats-io/nats-core";

const once = { reconnect: false, timeout: 10_000, noRandomize: true };

window.client = {
  /** Connects; says as whom, or why not. */
  async connects(servers, options = {}) {
    try {
      const connection = await wsconnect({ ...once, servers, ...options });
      const info = connection.info;
      await connection.close();
      return `connected to ${info.host}`;
    } catch (error) {
      return `${error.name}: ${error.message}`;
    }
  },

  /** Sends itself messages of many sizes, asks and answers, and hears that nobody does. */
  async talks(servers, options = {}) {
    const connection = await wsconnect({ ...once, servers, ...options });
    const echo = connection.subscribe("echo.>")[Symbol.asyncIterator]();
    const sizes = [0, 1, 5_000, 70_000, 1_000_000];
    for (const size of sizes) connection.publish(`echo.${size}`, "x".repeat(size));
    const heard = [];
    for (const size of sizes) {
      const { value: message } = await echo.next();
      if (message.subject !== `echo.${size}`) throw new Error(`${message.subject}, not ${size}`);
      heard.push(message.data.length);
    }
    connection.subscribe("greet.*", {
      callback: (_, message) => message.respond(`hello ${message.subject.split(".")[1]}`),
    });
    const answer = (await connection.request("greet.ann", "")).string();
    const lonely = await connection.request("nobody", "").catch((error) => error.message);
    await connection.close();
    return { heard, answer, lonely };
  },

  /** Stays, with some subjects and a little traffic. */
  async stays(servers, name) {
    const connection = await wsconnect({ ...once, servers, name });
    connection.subscribe("orders.*", { callback: () => {} });
    connection.subscribe("prices.>", { queue: "desk", callback: () => {} });
    setInterval(() => connection.publish("orders.new", "x".repeat(200)), 20);
    await connection.flush();
  },
};

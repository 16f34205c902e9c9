// The worker of the subject `tasks.leet`.
import { publish } from "wasmcloud:messaging/consumer@0.2.0";
import type { BrokerMessage } from "wasmcloud:messaging/types@0.2.0";

const SUBJECT = "tasks.leet";
const LEET: Record<string, string> = { a: "4", e: "3", i: "1", o: "0", s: "5", t: "7" };

function work(text: string): string {
  return text.replace(/[aeiost]/gi, (letter) => LEET[letter.toLowerCase()] ?? letter);
}

export const handler = {
  handleMessage(message: BrokerMessage): void {
    if (message.subject !== SUBJECT || !message.replyTo) return; // another's, or nobody waits for it
    const text = new TextDecoder().decode(message.body);
    publish({ subject: message.replyTo, body: new TextEncoder().encode(work(text)) });
  },
};

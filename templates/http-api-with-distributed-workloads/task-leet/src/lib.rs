//! The worker of the subject `tasks.leet`: writes texts the way "leet" does.

wit_bindgen::generate!({
    path: "../wit",
    world: "task",
    generate_all,
});

use exports::wasmcloud::messaging::handler::Guest;
use wasmcloud::messaging::consumer;
use wasmcloud::messaging::types::BrokerMessage;

const SUBJECT: &str = "tasks.leet";

struct Worker;
export!(Worker);

fn work(text: &str) -> String {
    text.chars()
        .map(|c| match c.to_ascii_lowercase() {
            'a' => '4',
            'e' => '3',
            'i' => '1',
            'o' => '0',
            's' => '5',
            't' => '7',
            _ => c,
        })
        .collect()
}

impl Guest for Worker {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        let Some(reply_to) = message.reply_to.filter(|_| message.subject == SUBJECT) else {
            return Ok(()); // another's, or nobody waits for it
        };
        let text = String::from_utf8(message.body).map_err(|_| "the task is not text".to_string())?;
        consumer::publish(&BrokerMessage {
            subject: reply_to,
            body: work(&text).into_bytes(),
            reply_to: None,
        })
    }
}

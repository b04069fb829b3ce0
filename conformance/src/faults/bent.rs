//! A fault at work: what comes is cut into operations and frames, and the fault's functions are
//! called in place of passing them on.

use std::time::Instant;

use tokio::sync::mpsc;

use super::{
    Fault,
    client::{Cutter, Op},
    frame::Delivery,
    talk::{Order, Talk},
};
use crate::wire::{self, Frame};

/// A fault at work on one connection.
pub(super) struct Bent {
    pub(super) fault: &'static Fault,
    pub(super) talk: Talk,
    pub(super) inbox: mpsc::UnboundedReceiver<Order>,
    said: Cutter,
    heard: Vec<u8>,
    /// The server has sent what is no frame; the rest passes as it comes.
    unreadable: bool,
}

impl Bent {
    pub(super) fn new(
        fault: &'static Fault,
        talk: Talk,
        inbox: mpsc::UnboundedReceiver<Order>,
    ) -> Bent {
        let said = Cutter::default();
        Bent { fault, talk, inbox, said, heard: Vec::new(), unreadable: false }
    }

    /// Something is to begin.
    pub(super) fn open(&mut self) {
        self.talk.wake = self.fault.patience.map(|time| Instant::now() + time);
        if let Some(open) = self.fault.open {
            open(&mut self.talk);
        }
    }

    /// The time has come that the talk has waited for.
    pub(super) fn awake(&mut self) {
        self.talk.release();
        if self.fault.patience.is_some() {
            self.talk.end();
        }
    }

    pub(super) fn said(&mut self, bytes: &[u8]) {
        self.said.feed(bytes);
        self.said.max_payload = self.talk.max_payload().unwrap_or(self.said.max_payload);
        while let Some(op) = self.said.next() {
            self.op(op);
        }
        if let Some(patience) = self.fault.patience {
            self.talk.wake = self.said.is_mid_way().then(|| Instant::now() + patience);
        }
    }

    fn op(&mut self, op: Op) {
        match self.fault.op {
            Some(bend) => bend(&mut self.talk, &op),
            None => self.talk.pass(&op),
        }
        self.talk.note_op(op);
    }

    pub(super) fn heard(&mut self, bytes: &[u8]) {
        self.heard.extend_from_slice(bytes);
        while !self.unreadable {
            match wire::next(&mut self.heard) {
                Ok(Some(Frame(frame))) => self.frame(frame),
                Ok(None) => return,
                Err(_) => self.unreadable = true,
            }
        }
        let rest = std::mem::take(&mut self.heard);
        self.talk.deliver(&rest);
    }

    fn frame(&mut self, frame: Vec<u8>) {
        self.talk.note_info(&frame);
        let delivery = Delivery::parse(&frame);
        match (&delivery, self.fault.delivery, self.fault.frame) {
            (Some(delivery), Some(bend), _) => bend(&mut self.talk, delivery.clone()),
            (_, _, Some(bend)) => bend(&mut self.talk, frame),
            _ => {
                // What was held back goes before, whatever it is.
                self.talk.release_frames();
                self.talk.deliver(&frame);
            }
        }
        if let Some(delivery) = delivery {
            self.talk.note_delivery(&delivery);
        }
    }

    pub(super) fn client_end(&mut self) {
        let rest = self.said.rest();
        self.talk.client_ended = true;
        match self.fault.client_end {
            Some(bend) => bend(&mut self.talk, rest),
            None => {
                self.talk.release();
                self.talk.say(&rest);
                self.talk.ends_server = true;
            }
        }
    }

    pub(super) fn server_end(&mut self) {
        let rest = std::mem::take(&mut self.heard);
        self.talk.server_ended = true;
        match self.fault.server_end {
            Some(bend) => bend(&mut self.talk),
            None => {
                self.talk.release();
                self.talk.deliver(&rest);
                self.talk.ends_client = true;
            }
        }
    }
}

//! Another thread hands work to the runtime, which is that of the main thread.
// SPDX-License-Identifier: BSL-1.0
use crate::meter::Meter;
use std::thread;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

const IN_FLIGHT: usize = 1_000;

fn send_task(runtime: &Handle) -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    runtime.spawn(async move { sender.send(()).unwrap() });
    receiver
}

pub async fn roundtrip(m: &mut Meter, n: usize) {
    let runtime = Handle::current();
    let (end, ended) = oneshot::channel();
    m.start();
    thread::spawn(move || {
        for _ in 0..n {
            send_task(&runtime).blocking_recv().unwrap();
        }
        end.send(()).unwrap();
    });
    ended.await.unwrap();
    m.stop();
}

pub async fn submit(m: &mut Meter, n: usize, threads: usize) {
    let mut ends = Vec::new();
    m.start();
    for _ in 0..threads {
        let runtime = Handle::current();
        let (end, ended) = oneshot::channel();
        ends.push(ended);
        thread::spawn(move || {
            let mut left = n / threads;
            while left > 0 {
                let batch = left.min(IN_FLIGHT);
                let submitted: Vec<_> = (0..batch).map(|_| send_task(&runtime)).collect();
                for receiver in submitted {
                    receiver.blocking_recv().unwrap();
                }
                left -= batch;
            }
            end.send(()).unwrap();
        });
    }
    for ended in ends {
        ended.await.unwrap();
    }
    m.stop();
}

pub async fn queue(m: &mut Meter, n: usize, capacity: usize) {
    let (sender, mut receiver) = mpsc::channel(capacity);
    m.start();
    thread::spawn(move || {
        for i in 0..n {
            sender.blocking_send(i).unwrap();
        }
    });
    for _ in 0..n {
        receiver.recv().await.unwrap();
    }
    m.stop();
}

// SPDX-License-Identifier: BSL-1.0
use crate::meter::Meter;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use tokio::sync::{mpsc, watch, Mutex, Notify};
use tokio::task::yield_now;

pub async fn queue_pingpong(m: &mut Meter, n: usize) {
    let (there, mut receive_there) = mpsc::channel(1);
    let (back, mut receive_back) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(item) = receive_there.recv().await {
            back.send(item).await.unwrap();
        }
    });
    m.start();
    for _ in 0..n {
        there.send(1).await.unwrap();
        receive_back.recv().await.unwrap();
    }
    m.stop();
}

pub async fn queue_prodcons(m: &mut Meter, n: usize, capacity: usize) {
    let (sender, mut receiver) = mpsc::channel(capacity);
    m.start();
    tokio::spawn(async move {
        for _ in 0..n {
            sender.send(1).await.unwrap();
        }
    });
    for _ in 0..n {
        receiver.recv().await.unwrap();
    }
    m.stop();
}

/// tokio's queues have one receiver; a lock around it lets many wait.
pub async fn queue_getters(m: &mut Meter, n: usize, getters: usize) {
    let (sender, receiver) = mpsc::channel(1024);
    let receiver = Arc::new(Mutex::new(receiver));
    let begun = Arc::new(AtomicUsize::new(0));
    for _ in 0..getters {
        let (receiver, begun) = (receiver.clone(), begun.clone());
        tokio::spawn(async move {
            begun.fetch_add(1, Relaxed);
            loop {
                let item: Option<i32> = receiver.lock().await.recv().await;
                item.unwrap();
            }
        });
    }
    while begun.load(Relaxed) < getters {
        yield_now().await;
    }
    m.start();
    for _ in 0..n {
        sender.send(1).await.unwrap();
        yield_now().await;
    }
    m.stop();
}

pub async fn event_pingpong(m: &mut Meter, n: usize) {
    let ping = Arc::new(Notify::new());
    let pong = Arc::new(Notify::new());
    let (there, back) = (ping.clone(), pong.clone());
    tokio::spawn(async move {
        loop {
            there.notified().await;
            back.notify_one();
        }
    });
    m.start();
    for _ in 0..n {
        ping.notify_one();
        pong.notified().await;
    }
    m.stop();
}

pub async fn event_waiters(m: &mut Meter, n: usize, waiters: usize) {
    let times = (n + waiters - 1) / waiters;
    let (sender, receiver) = watch::channel(0);
    let seen = Arc::new(AtomicUsize::new(0));
    for _ in 0..waiters {
        let (mut receiver, seen) = (receiver.clone(), seen.clone());
        tokio::spawn(async move {
            seen.fetch_add(1, Relaxed);
            while receiver.changed().await.is_ok() {
                seen.fetch_add(1, Relaxed);
            }
        });
    }
    while seen.load(Relaxed) < waiters {
        yield_now().await;
    }
    m.start();
    for round in 1..=times {
        sender.send(round).unwrap();
        while seen.load(Relaxed) < (round + 1) * waiters {
            yield_now().await;
        }
    }
    m.stop();
}

pub async fn lock_uncontended(m: &mut Meter, n: usize) {
    let lock = Mutex::new(0);
    m.start();
    for _ in 0..n {
        *lock.lock().await += 1;
    }
    m.stop();
}

pub async fn lock_contended(m: &mut Meter, n: usize, tasks: usize) {
    let times = (n + tasks - 1) / tasks;
    let lock = Arc::new(Mutex::new(()));
    let begun = Arc::new(AtomicUsize::new(0));
    let held = lock.lock().await;
    let started: Vec<_> = (0..tasks)
        .map(|_| {
            let (lock, begun) = (lock.clone(), begun.clone());
            tokio::spawn(async move {
                begun.fetch_add(1, Relaxed);
                for _ in 0..times {
                    let _guard = lock.lock().await;
                    yield_now().await;
                }
            })
        })
        .collect();
    while begun.load(Relaxed) < tasks {
        yield_now().await;
    }
    m.start();
    drop(held);
    for t in started {
        t.await.unwrap();
    }
    m.stop();
}

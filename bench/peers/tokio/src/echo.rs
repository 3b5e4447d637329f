// SPDX-License-Identifier: BSL-1.0
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn serve_client(mut client: TcpStream) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut data = [0; 4096];
    loop {
        let size = client.read(&mut data).await?;
        if size == 0 {
            return Ok(());
        }
        client.write_all(&data[..size]).await?;
    }
}

pub async fn serve(port: usize) {
    let listener = TcpListener::bind(("127.0.0.1", port as u16)).await.unwrap();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        tokio::spawn(serve_client(client));
    }
}

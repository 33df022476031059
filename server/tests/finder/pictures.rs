//! Pictures that mails show from elsewhere.

use super::world::{PLAIN, PUBLIC, Reply, World};
use haven_server::pictures::{Fault, WITHIN};
use haven_wire::{limits::MAX_PICTURE, mail::Picture};
use std::time::{Duration, Instant};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const SECURE: (&str, &str) = ("pictures.example", PUBLIC);
const OPEN: (&str, &str) = ("open.example", PLAIN);

fn png() -> Reply {
    Reply::Status(200, PNG.to_vec())
}

async fn fetch(world: &World, address: &str) -> Result<Picture, Fault> {
    world.pictures.fetch(address).await.map(|fetched| fetched.picture)
}

#[tokio::test]
async fn a_picture_is_fetched_with_and_without_tls() {
    let world = World::new(&[SECURE, OPEN], &[("pictures.example", png()), ("open.example", png())]).await;
    let picture = Picture { media_type: "image/png".into(), bytes: PNG.to_vec() };
    assert_eq!(fetch(&world, "https://pictures.example/a/b.png?c=d#e").await, Ok(picture.clone()));
    assert_eq!(fetch(&world, "http://open.example/x").await, Ok(picture));
    assert_eq!(world.asked(), ["pictures.example/a/b.png?c=d", "open.example/x"]);
}

#[tokio::test]
async fn nothing_of_the_reader_goes_out() {
    let world = World::new(&[OPEN], &[("open.example", png())]).await;
    fetch(&world, "http://open.example/x").await.unwrap();
    let heads = world.heads.lock().unwrap().clone();
    let mut names: Vec<_> = heads[0].lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
    names.sort();
    assert_eq!(names, ["accept", "host", "user-agent"]);
    assert!(heads[0].contains("user-agent: haven\r\n"), "{}", heads[0]);
}

#[tokio::test]
async fn a_server_can_not_tell_whether_two_pictures_are_for_one_reader() {
    let world = World::new(&[SECURE], &[("pictures.example", png())]).await;
    for _ in 0..2 {
        fetch(&world, "https://pictures.example/x").await.unwrap();
    }
    assert_eq!(*world.connections.lock().unwrap(), 2, "each has a connection of its own");
}

#[tokio::test]
async fn what_is_no_picture_is_not_handed_on_whatever_it_is_called() {
    for body in [
        &b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"[..],
        b"<!doctype html><title>Router</title>",
        b"{\"AccessKeyId\": \"ASIA\"}",
        b"%PDF-1.7 and so on",
        b"",
    ] {
        let world = World::new(&[SECURE], &[("pictures.example", Reply::Status(200, body.to_vec()))]).await;
        assert_eq!(fetch(&world, "https://pictures.example/x.png").await, Err(Fault::NoPicture));
    }
}

#[tokio::test]
async fn what_a_server_refuses_is_told_from_what_it_can_not_do_now() {
    for (status, fault) in [
        (404, Fault::NoPicture),
        (403, Fault::NoPicture),
        (429, Fault::Unreachable),
        (500, Fault::Unreachable),
    ] {
        let world = World::new(&[SECURE], &[("pictures.example", Reply::Status(status, PNG.to_vec()))]).await;
        assert_eq!(fetch(&world, "https://pictures.example/x").await, Err(fault), "{status}");
    }
}

#[tokio::test]
async fn nobody_connects_to_an_address_that_is_not_public() {
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:93.184.216.34",
        "64:ff9b::7f00:1",
        "fd00::1",
    ] {
        let world = World::new(&[("pictures.example", address)], &[("pictures.example", png())]).await;
        for scheme in ["http", "https"] {
            let fetched = fetch(&world, &format!("{scheme}://pictures.example/x")).await;
            assert_eq!(fetched, Err(Fault::NoPicture), "{address}");
        }
        assert_eq!(*world.trapped.lock().unwrap(), 0, "{address}");
    }
}

#[tokio::test]
async fn addresses_that_name_no_public_host_are_not_asked() {
    let world = World::new(&[SECURE, OPEN], &[("pictures.example", png()), ("open.example", png())]).await;
    for address in [
        "http://127.0.0.1/x",
        "http://2130706433/x",
        "http://0x7f.1/x",
        "http://[::1]/x",
        "http://93.184.216.35/x",
        "http://localhost/x",
        "http://printer.local/x",
        "https://pictures.example:8443/x",
        "http://open.example:22/x",
        "https://alice:secret@pictures.example/x",
        "file:///etc/passwd",
        "gopher://pictures.example/x",
        "data:image/png;base64,AAAA",
        "//pictures.example/x",
        "",
        &format!("https://pictures.example/{}", "x".repeat(9_000)),
    ] {
        assert_eq!(fetch(&world, address).await, Err(Fault::NoPicture), "{address}");
    }
    assert_eq!((*world.connections.lock().unwrap(), *world.trapped.lock().unwrap()), (0, 0));
}

#[tokio::test]
async fn a_redirect_is_followed_to_public_hosts_and_nowhere_else() {
    let hosts = [SECURE, OPEN, ("inside.example", "10.0.0.1")];
    let pages = |to: &str| [("open.example", Reply::Redirect(to.into())), ("pictures.example", png())];
    let world = World::new(&hosts, &pages("https://pictures.example/there")).await;
    assert!(fetch(&world, "http://open.example/x").await.is_ok());
    assert_eq!(world.asked(), ["open.example/x", "pictures.example/there"]);
    for to in [
        "http://inside.example/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://localhost/",
        "https://pictures.example:22/",
        "//alice@pictures.example/",
        "file:///etc/passwd",
        "",
    ] {
        let world = World::new(&hosts, &pages(to)).await;
        assert_eq!(fetch(&world, "http://open.example/x").await, Err(Fault::NoPicture), "{to}");
        assert_eq!(*world.trapped.lock().unwrap(), 0, "{to}");
        assert!(world.asked().iter().all(|asked| asked.starts_with("open.example/")), "{to}");
    }
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let world = World::new(&[OPEN], &[("open.example", Reply::Redirect("/again".into()))]).await;
    assert_eq!(fetch(&world, "http://open.example/x").await, Err(Fault::NoPicture));
    assert_eq!(world.asked().len(), 4);
}

#[tokio::test]
async fn a_picture_has_its_limits_in_size_and_time() {
    let pages = [("pictures.example", Reply::EndlessPicture), ("open.example", Reply::Silent)];
    let world = World::new(&[SECURE, OPEN], &pages).await;
    assert_eq!(fetch(&world, "https://pictures.example/x").await, Err(Fault::TooLarge));
    let mut largest = PNG.to_vec();
    largest.resize(MAX_PICTURE, 0);
    let world =
        World::new(&[SECURE, OPEN], &[("pictures.example", Reply::Status(200, largest.clone()))]).await;
    assert_eq!(fetch(&world, "https://pictures.example/x").await.unwrap().bytes, largest);
    let world = World::new(&[OPEN], &pages).await;
    let started = Instant::now();
    assert_eq!(fetch(&world, "http://open.example/x").await, Err(Fault::Unreachable));
    assert!(started.elapsed() < WITHIN + Duration::from_secs(3));
}

/// Its certificate names other hosts.
#[tokio::test]
async fn a_server_that_can_not_prove_its_name_shows_nothing() {
    let world = World::new(&[("other.example", PUBLIC)], &[("other.example", png())]).await;
    let strict = haven_server::pictures::Pictures::new(world.outside.clone());
    assert_eq!(strict.fetch("https://other.example/x").await.err(), Some(Fault::Unreachable));
    assert!(world.asked().is_empty());
}

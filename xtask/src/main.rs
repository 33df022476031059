//! Haven's build and test commands. `cargo xtask help` lists them.
//!
//! Every command first installs what it needs and says so, so that a fresh clone needs nothing but Rust, a C compiler
//! and Node.js. [`gate`] is what has to pass before a change is merged; [`web`] and [`relay`] build what is served.

mod bench;
mod browser;
mod compress;
mod fingerprint;
mod foreign;
mod gate;
mod parts;
mod process;
mod relay;
mod sizes;
mod tools;
mod tree;
mod web;
mod workspace;

use std::process::ExitCode;

use process::{Failure, Outcome};

const HELP: &str = "\
Builds, runs and tests Haven, and installs what that needs.

  cargo xtask run [-- ARGS]   Build the web app and the relay, and start them on http://localhost:8080
                              ARGS go to the relay; `cargo xtask run -- --help` lists its options
  cargo xtask dev [-- ARGS]   The same for quick edits: unoptimised, and the web app is rebuilt as files change
  cargo xtask test            Everything that has to pass before a change is merged
  cargo xtask ci              The steps of `test`
  cargo xtask ci STEP [ARGS]  One of them; ARGS go to the tool that it runs
  cargo xtask bench chat [-- ARGS]
                              The chat benchmark in a browser, beside Wire's core-crypto
                              ARGS: --sizes 10,100,500,1000 --runs 5 --messages 1000
  cargo xtask bench mail [-- ARGS]
                              The mail benchmark in a browser, beside openpgp.js
                              ARGS: --sizes 10,50 --runs 5
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = workspace::enter().and_then(|()| dispatch(&arguments));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[&str]) -> Outcome {
    match arguments {
        [] | ["help" | "--help" | "-h", ..] => {
            print!("{HELP}");
            Ok(())
        }
        ["run", rest @ ..] => relay::run(after_dashes(rest)),
        ["dev", rest @ ..] => relay::develop(after_dashes(rest)),
        ["test"] => gate::all(),
        ["ci"] => {
            gate::list();
            Ok(())
        }
        ["ci", step, rest @ ..] => gate::one(step, after_dashes(rest)),
        ["bench", "chat", rest @ ..] => bench::chat(after_dashes(rest)),
        ["bench", "mail", rest @ ..] => bench::mail(after_dashes(rest)),
        _ => Err(Failure::new(format!("There is no command `{}`.\n\n{HELP}", arguments.join(" ")))),
    }
}

/// The arguments without a leading `--`.
fn after_dashes<'a>(arguments: &'a [&'a str]) -> &'a [&'a str] {
    match arguments {
        ["--", rest @ ..] => rest,
        all => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_before_passed_on_arguments_are_optional() {
        assert_eq!(after_dashes(&["--", "--port", "1"]), ["--port", "1"]);
        assert_eq!(after_dashes(&["--port", "1"]), ["--port", "1"]);
    }

    #[test]
    fn an_unknown_command_is_named() {
        let failure = dispatch(&["fly"]).unwrap_err().to_string();
        assert!(failure.contains("`fly`"), "{failure}");
    }
}

//! Running other programs.

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::workspace;

/// What went wrong, as a sentence for the person at the terminal.
#[derive(Debug)]
pub struct Failure(String);

/// Success, or a [`Failure`].
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure told by `sentence`.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// A failure to do something with a file.
    pub fn file(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self(format!("{doing} {} failed: {error}.", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A program about to be run, with the tools of this workspace first in its `PATH`.
pub struct Run(Command);

impl Run {
    /// Runs `program`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let program = find(program.as_ref()).unwrap_or_else(|| program.as_ref().into());
        let mut command = Command::new(program);
        command.env("PATH", search_path());
        Self(command)
    }

    /// Runs the cargo that runs us, so that every step uses the same toolchain.
    pub fn cargo() -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Sets the working directory, otherwise the workspace's root.
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.0.current_dir(directory);
        self
    }

    /// Waits until it has ended well.
    pub fn wait(mut self) -> Outcome {
        let status = self.0.status().map_err(|error| self.cannot_start(&error))?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("{self} ended with {status}."))) }
    }

    /// Whether it ends well. Shows nothing of what it prints.
    pub fn succeeds(mut self) -> bool {
        self.0.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// What it prints, if it ends well. Its complaints stay visible.
    pub fn output(mut self) -> Outcome<String> {
        self.0.stderr(Stdio::inherit());
        let output = self.0.output().map_err(|error| self.cannot_start(&error))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(Failure::new(format!("{self} ended with {}.", output.status)))
        }
    }

    /// What it prints, if it is there and ends well. Its complaints are dropped.
    pub fn quiet_output(mut self) -> Option<String> {
        let output = self.0.stderr(Stdio::null()).output().ok()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(printed)
    }

    /// Starts it and returns at once.
    pub fn start(mut self) -> Outcome<Child> {
        self.0.spawn().map_err(|error| self.cannot_start(&error))
    }

    /// Becomes this program, so that signals reach it; returns only on failure, or where a process can't do that
    /// when the program has ended.
    pub fn become_it(self) -> Outcome {
        #[cfg(unix)]
        {
            let mut run = self;
            let error = std::os::unix::process::CommandExt::exec(&mut run.0);
            Err(run.cannot_start(&error))
        }
        #[cfg(not(unix))]
        self.wait()
    }

    fn cannot_start(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!("{self} did not start: {error}."))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = Path::new(self.0.get_program()).file_stem();
        write!(f, "`{}", program.unwrap_or_default().to_string_lossy())?;
        for argument in self.0.get_args() {
            write!(f, " {}", argument.to_string_lossy())?;
        }
        f.write_str("`")
    }
}

/// Where a program is, if it can be run: a path, or a name to look for in the search path.
pub fn find(program: impl AsRef<Path>) -> Option<PathBuf> {
    let program = program.as_ref();
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    std::env::split_paths(&search_path())
        .flat_map(|directory| {
            // npm and rustup name their programs so on Windows.
            ["", ".exe", ".cmd"].map(|ending| {
                let mut name = program.as_os_str().to_owned();
                name.push(ending);
                directory.join(name)
            })
        })
        .find(|path| path.is_file())
}

/// The tools of this workspace, then what `PATH` has.
fn search_path() -> std::ffi::OsString {
    let own = [workspace::tools().join("bin"), workspace::root().join("end2end/node_modules/.bin")];
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let all = own.into_iter().chain(std::env::split_paths(&inherited));
    std::env::join_paths(all).unwrap_or(inherited)
}

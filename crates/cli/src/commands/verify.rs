//! `benchrack verify`: does a receipt hold what it says?

use std::path::PathBuf;

use benchrack_protocol::signature::PublicKey;
use benchrack_server::judge::{Verified, verify};
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Blame, Exit, Outcome};
use crate::gate::print::{self, Format};
use crate::output;

/// Compute a gate's verdict again from its receipt, without a server.
///
/// Checks that nothing in the file was changed, that each report is signed by its agent and answers this very request on
/// this very device, and that the same samples give the same verdict, byte for byte.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes:\n  0  the receipt holds what it says, whatever its verdict is\n  1  it does not\n  2  there is no such file\n\nExamples:\n  benchrack verify gate.receipt\n  benchrack verify gate.receipt --trust d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n  benchrack devices --json      shows the keys that the farm knows (public_key)"
)]
pub struct Verify {
    /// The receipt.
    file: PathBuf,
    /// Key that may have signed, 64 hexadecimal digits; may be given several times. Without any, who signed is only told.
    #[arg(long, value_name = "KEY")]
    trust: Vec<PublicKey>,
    /// Also show every round.
    #[arg(long)]
    explain: bool,
    /// How the verdict is printed; all but text print nothing else, so that a comment or a report can be made of a receipt.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Verify {
    pub fn run(self, context: &Context) -> Outcome {
        let text = std::fs::read_to_string(&self.file).usage(format!("cannot read the receipt {}", self.file.display()))?;
        let Verified { outcome, signers, unsigned, reports, .. } = match verify(&text, &self.trust) {
            Ok(verified) => verified,
            Err(error) => {
                let error = anyhow::Error::new(error).context(format!("{} is not genuine", self.file.display()));
                return Err(crate::exit::Failure { exit: Exit::Rejected, error });
            }
        };
        if self.explain {
            print::explain(&reports, if context.json { Format::Json } else { self.format })?;
        }
        if context.json {
            let signers: Vec<_> = signers.iter().map(|signer| json!({"device": signer.device, "key": signer.key})).collect();
            return output::json(&json!({"genuine": true, "outcome": outcome, "signers": signers, "unsigned": unsigned}));
        }
        print::outcome(&outcome, self.format)?;
        if self.format != Format::Text {
            return Ok(Exit::Pass);
        }
        for signer in signers {
            let trusted = if self.trust.is_empty() { "not compared with any key you trust" } else { "trusted" };
            output::line(format!("signed on {} with the key {} ({trusted})", signer.device, signer.key))?;
        }
        for (device, why) in unsigned {
            output::line(format!("nothing from {device}, and nobody signed why: {why}"))?;
        }
        output::line("genuine: the verdict computed again is the one in the file")
    }
}

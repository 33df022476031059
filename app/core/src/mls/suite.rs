//! The one place where the ciphersuite and everything else that OpenMLS can be configured with is chosen.

use super::Fault;
use openmls::prelude::*;

/// The suite of new groups: 0x0001.
pub const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// The suite's number on the wire.
pub fn suite_number() -> u16 {
    SUITE.into()
}

/// The leaf extension that holds the device attestation (private use).
pub const ATTESTATION: u16 = 0xff10;

/// The group-context extension that holds the conversation's context (private use).
pub const CONTEXT: u16 = 0xff11;

/// Messages are padded to a multiple of this, so that their length says little.
const PADDING: usize = 256;

/// The log keeps a sender's messages in order, so keys of skipped ones are never needed. A sender whose encryption
/// was refused by the relay may leave gaps, and encrypts again.
fn ratchet() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(5, 1000)
}

/// What each leaf of ours can do. Every leaf must list both private extensions, or the group refuses it.
pub fn capabilities() -> Capabilities {
    Capabilities::builder()
        .ciphersuites(vec![SUITE])
        .extensions(vec![
            ExtensionType::Unknown(ATTESTATION),
            ExtensionType::Unknown(CONTEXT),
            ExtensionType::LastResort,
        ])
        .proposals(vec![])
        .credentials(vec![CredentialType::Basic])
        .build()
}

/// What each leaf of a group must be able to do.
pub fn required_capabilities() -> Extension {
    let types = [ExtensionType::Unknown(ATTESTATION), ExtensionType::Unknown(CONTEXT)];
    Extension::RequiredCapabilities(RequiredCapabilitiesExtension::new(&types, &[], &[CredentialType::Basic]))
}

/// MLS lifetimes decide nothing: a member with a wrong clock, or one who catches up late, would refuse what others
/// accepted. Who adds a device judges its age.
pub fn lifetime() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

/// Key packages of other clients must be as good as without a lifetime too, or members whose clocks differ would
/// decide differently about a commit that adds one: valid from before 2020 until after 2100.
pub fn check_lifetime(lifetime: &Lifetime) -> Result<(), Fault> {
    const EARLY: u64 = 1_577_836_800;
    const LATE: u64 = 4_102_444_800;
    let wide = lifetime.not_before() < EARLY && lifetime.not_after() > LATE;
    if wide { Ok(()) } else { Err(Fault::Membership("a key package has a lifetime")) }
}

/// Whether a leaf can do what every group requires.
pub fn is_capable(leaf: &LeafNode) -> bool {
    let has = leaf.capabilities();
    [ATTESTATION, CONTEXT].iter().all(|kind| has.extensions().contains(&ExtensionType::Unknown(*kind)))
        && has.credentials().contains(&CredentialType::Basic)
}

/// For groups that are joined.
pub fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .use_ratchet_tree_extension(true)
        .sender_ratchet_configuration(ratchet())
        .build()
}

/// For groups that are made.
pub fn create_config(
    context: Extensions<GroupContext>,
    leaf: Extensions<LeafNode>,
) -> Result<MlsGroupCreateConfig, Fault> {
    let config = MlsGroupCreateConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .use_ratchet_tree_extension(true)
        .sender_ratchet_configuration(ratchet())
        .ciphersuite(SUITE)
        .lifetime(lifetime())
        .capabilities(capabilities())
        .with_group_context_extensions(context)
        .with_leaf_node_extensions(leaf)
        .map_err(|_| Fault::Attestation("it can't be in a leaf"))?
        .build();
    Ok(config)
}

//! What tests of misbehaviour begin with.

use haven_bridge::ConversationId;
use haven_core::{
    intent::Intent,
    testing::{Who, World},
};

/// Three people with a conversation of all of them and one of alice and bob, which is to go on whatever happens in the
/// other.
pub struct Scene {
    pub world: World,
    pub alice: Who,
    pub bob: Who,
    pub third: Who,
    pub chat: ConversationId,
    pub other: ConversationId,
}

impl Scene {
    pub async fn new(third: &str) -> Self {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        let third = world.sign_up(third).await;
        world.settle().await;
        let chat = world.conversation(alice, &[bob, third]).await;
        let other = world.conversation(alice, &[bob]).await;
        world.settle().await;
        Self { world, alice, bob, third, chat, other }
    }

    /// To add somebody to the conversation of all.
    pub fn add(&self, who: Who) -> Intent {
        Intent::AddPeople { conversation: self.chat, addresses: vec![self.world.address(who)] }
    }
}

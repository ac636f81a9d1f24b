// The vendor's JavaScript package on a tour: node tour.js BASE_URL APP_ID KEY_ID KEY_SECRET
'use strict';

const assert = require('node:assert');
const vendor = require('sunshine-conversations-client');

const [baseUrl, appId, keyId, keySecret] = process.argv.slice(2);
const client = vendor.ApiClient.instance;
client.basePath = baseUrl;
Object.assign(client.authentications.basicAuth, { username: keyId, password: keySecret });

function tell(line) {
  process.stdout.write(`${line}\n`);
}

async function refused(status, promise) {
  const error = await promise.then(() => assert.fail('not refused'), (reason) => reason);
  assert.strictEqual(error.status, status);
  return error.response.body.errors[0].code;
}

async function users() {
  const api = new vendor.UsersApi();
  const { user } = await api.createUser(appId, {
    externalId: 'js',
    profile: { givenName: 'Ada', surname: 'Lovelace' },
  });
  const update = { profile: { surname: null }, metadata: { plan: 'pro' } };
  await api.updateUser(appId, 'js', update);
  const found = (await api.getUser(appId, user.id)).user;
  assert.deepStrictEqual(found.metadata, { plan: 'pro' });
  const code = await refused(409, api.createUser(appId, { externalId: 'js' }));
  tell(`users: created ${found.externalId}, updated, refused again with ${code}`);
  return found;
}

async function conversations(user) {
  const api = new vendor.ConversationsApi();
  const made = [];
  for (let number = 0; number < 5; number += 1) {
    const body = { type: 'personal', participants: [{ userId: user.id }] };
    made.push((await api.createConversation(appId, body)).conversation.id);
  }
  const listed = [];
  let pages = 0;
  let after;
  do {
    pages += 1;
    assert.ok(pages < 10);
    // The package sends only the first member of `page`.
    const page = after ? { after } : { size: 2 };
    const answer = await api.listConversations(appId, { userExternalId: 'js' }, { page });
    listed.push(...answer.conversations.map((one) => one.id));
    after = answer.meta.hasMore ? answer.meta.afterCursor : undefined;
  } while (after);
  assert.deepStrictEqual(listed, made);
  await api.deleteConversation(appId, made[4]);
  const code = await refused(400, api.deleteConversation(appId, made[0]));
  tell(`conversations: ${listed.length} in ${pages} pages, the default refused with ${code}`);
  return made[0];
}

async function messages(conversationId) {
  const api = new vendor.MessagesApi();
  for (let number = 0; number < 230; number += 1) {
    const body = { author: { type: 'business' }, content: { type: 'text', text: `${number}` } };
    const answer = await api.postMessage(appId, conversationId, body);
    assert.strictEqual(answer.messages[0].content.text, `${number}`);
  }
  const pages = [];
  let before;
  do {
    assert.ok(pages.length < 10);
    const options = before && { page: { before } };
    const answer = await api.listMessages(appId, conversationId, options);
    pages.push(answer.messages.map((one) => one.content.text));
    before = answer.meta.hasMore ? answer.meta.beforeCursor : undefined;
  } while (before);
  const texts = pages.reverse().flat();
  assert.deepStrictEqual(texts, Array.from({ length: 230 }, (_, number) => `${number}`));
  tell(`messages: ${texts.length} posted, and read backwards in ${pages.length} pages`);
}

async function switchboard(conversationId) {
  const actions = new vendor.SwitchboardActionsApi();
  const api = new vendor.ConversationsApi();
  await actions.passControl(appId, conversationId, { switchboardIntegration: 'next' });
  const { conversation } = await api.getConversation(appId, conversationId);
  const { name } = conversation.activeSwitchboardIntegration;
  assert.strictEqual(name, 'agent');
  await actions.offerControl(appId, conversationId, { switchboardIntegration: 'bot' });
  await actions.acceptControl(appId, conversationId, {});
  await actions.releaseControl(appId, conversationId);
  tell(`switchboard: passed to ${name}, offered, accepted, released`);
}

async function integrations() {
  const api = new vendor.IntegrationsApi();
  const webhook = { target: 'http://127.0.0.1:9/', triggers: ['conversation:message'] };
  const body = { type: 'custom', displayName: 'Bot', webhooks: [webhook] };
  const { integration } = await api.createIntegration(appId, body);
  const answer = await api.listIntegrations(appId, { filter: { types: 'custom' } });
  assert.ok(answer.integrations.some((one) => one.id === integration.id));
  const hooks = (await new vendor.WebhooksApi().listWebhooks(appId, integration.id)).webhooks;
  assert.strictEqual(hooks.length, 1);
  await api.deleteIntegration(appId, integration.id);
  const code = await refused(404, api.getIntegration(appId, integration.id));
  tell(`integrations: created with ${hooks.length} webhook, deleted, then ${code}`);
}

async function main() {
  const conversationId = await conversations(await users());
  await messages(conversationId);
  await switchboard(conversationId);
  await integrations();
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});

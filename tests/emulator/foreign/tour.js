// The vendor's JavaScript package on a tour: node tour.js BASE_URL APP_ID KEY_ID KEY_SECRET
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const vendor = require('sunshine-conversations-client');

const [baseUrl, appId, keyId, keySecret] = process.argv.slice(2);
const client = vendor.ApiClient.instance;
client.basePath = baseUrl;
Object.assign(client.authentications.basicAuth, { username: keyId, password: keySecret });

function report(line) {
  process.stdout.write(`${line}\n`);
}

async function codeOfError(status, promise) {
  const error = await promise.then(() => assert.fail('not rejected'), (reason) => reason);
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
  const code = await codeOfError(409, api.createUser(appId, { externalId: 'js' }));
  report(`users: created ${found.externalId}, updated, rejected again with ${code}`);
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
  const code = await codeOfError(400, api.deleteConversation(appId, made[0]));
  report(`conversations: ${listed.length} in ${pages} pages, the default rejected with ${code}`);
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
  report(`messages: ${texts.length} posted, and read backwards in ${pages.length} pages`);
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
  report(`switchboard: passed to ${name}, offered, accepted, released`);
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
  const code = await codeOfError(404, api.getIntegration(appId, integration.id));
  report(`integrations: created with ${hooks.length} webhook, deleted, then ${code}`);
}

async function participants(conversationId) {
  const api = new vendor.ParticipantsApi();
  const { user } = await new vendor.UsersApi().createUser(appId, { externalId: 'guest' });
  const body = { type: 'sdkGroup', participants: [] };
  const { conversation } = await new vendor.ConversationsApi().createConversation(appId, body);
  await api.joinConversation(appId, conversation.id, { userId: user.id, subscribeSDKClient: false });
  const joined = (await api.listParticipants(appId, conversation.id)).participants;
  assert.deepStrictEqual(joined.map((one) => one.userId), [user.id]);
  await api.leaveConversation(appId, conversation.id, { userId: user.id });
  await new vendor.ActivitiesApi().postActivity(appId, conversationId, {
    author: { type: 'business' },
    type: 'typing:start',
  });
  report(`participants: ${joined.length} joined and left, an activity posted`);
}

async function clients(conversationId) {
  const api = new vendor.ClientsApi();
  const { client: made } = await api.createClient(appId, 'js', {
    matchCriteria: {
      type: 'twilio',
      integrationId: '000000005eed000000000002',
      phoneNumber: '+12125552368',
    },
    confirmation: { type: 'immediate' },
    target: { conversationId },
  });
  const found = (await api.listClients(appId, 'js')).clients;
  assert.ok(found.some((one) => one.id === made.id && one.status === 'active'));
  await api.removeClient(appId, 'js', made.id);
  const { devices } = await new vendor.DevicesApi().listDevices(appId, 'js');
  report(`clients: ${made.type} linked and removed, ${devices.length} devices`);
}

async function attachments(conversationId) {
  const api = new vendor.AttachmentsApi();
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tour-')), 'a.txt');
  fs.writeFileSync(file, 'words');
  const source = fs.createReadStream(file);
  const options = { _for: 'message', conversationId };
  const { attachment } = await api.uploadAttachment(appId, 'public', source, options);
  const downloaded = await fetch(attachment.mediaUrl);
  assert.strictEqual(await downloaded.text(), 'words');
  await api.deleteAttachment(appId, { mediaUrl: attachment.mediaUrl });
  report('attachments: uploaded, downloaded, deleted');
}

async function webhooks() {
  const integrationId = '000000005eed000000000005';
  const api = new vendor.WebhooksApi();
  const body = { target: 'http://127.0.0.1:9/', triggers: ['user:remove'] };
  const { webhook } = await api.createWebhook(appId, integrationId, body);
  await api.updateWebhook(appId, integrationId, webhook.id, { includeFullUser: true });
  const found = (await api.getWebhook(appId, integrationId, webhook.id)).webhook;
  assert.strictEqual(found.includeFullUser, true);
  await api.deleteWebhook(appId, integrationId, webhook.id);
  const keys = new vendor.CustomIntegrationApiKeysApi();
  const made = (await keys.createCustomIntegrationKey(appId, integrationId, { displayName: 'js' })).key;
  assert.strictEqual((await keys.listCustomIntegrationKeys(appId, integrationId)).keys.length, 1);
  await keys.getCustomIntegrationKey(appId, integrationId, made.id);
  await keys.deleteCustomIntegrationKey(appId, integrationId, made.id);
  report('webhooks: created, updated, deleted, and a key of the integration');
}

async function switchboards() {
  const api = new vendor.SwitchboardsApi();
  const old = (await api.listSwitchboards(appId)).switchboards;
  for (const one of old) await api.deleteSwitchboard(appId, one.id);
  const { switchboard: board } = await api.createSwitchboard(appId);
  const seats = new vendor.SwitchboardIntegrationsApi();
  const body = { name: 'js', integrationId: '000000005eed000000000005', deliverStandbyEvents: true };
  const seat = (await seats.createSwitchboardIntegration(appId, board.id, body)).switchboardIntegration;
  await seats.updateSwitchboardIntegration(appId, board.id, seat.id, { messageHistoryCount: 5 });
  const changes = { enabled: true, defaultSwitchboardIntegrationId: seat.id };
  const enabled = (await api.updateSwitchboard(appId, board.id, changes)).switchboard;
  assert.strictEqual(enabled.enabled, true);
  const listed = await seats.listSwitchboardIntegrations(appId, board.id);
  assert.strictEqual(listed.switchboardIntegrations[0].messageHistoryCount, 5);
  report(`switchboards: ${old.length} deleted, one created with an integration`);
}

async function apps() {
  const basic = client.authentications.basicAuth;
  basic.username = 'act_demo_key';
  const api = new vendor.AppsApi();
  const { app } = await api.createApp({ displayName: 'Shop' });
  await api.updateApp(app.id, { displayName: 'Store' });
  assert.strictEqual((await api.getApp(app.id)).app.displayName, 'Store');
  const keys = new vendor.AppKeysApi();
  const { key } = await keys.createAppKey(app.id, { displayName: 'js' });
  assert.strictEqual((await keys.getAppKey(app.id, key.id)).key.displayName, 'js');
  await keys.deleteAppKey(app.id, key.id);
  await api.deleteApp(app.id);
  const { apps: listed } = await api.listApps();
  assert.deepStrictEqual(listed.map((one) => one.id), [appId]);
  basic.username = keyId;
  report('apps: created with a key, updated, deleted');
}

// As an app of a marketplace is installed: the code comes with a redirect, and is exchanged with a
// form; the token says which app it is for, and the integration registers webhooks for itself.
async function installation() {
  const query = 'client_id=demo_partner&response_type=code&state=s';
  const redirect = await fetch(`${baseUrl}/oauth/authorize?${query}`, { redirect: 'manual' });
  const code = new URL(redirect.headers.get('location')).searchParams.get('code');
  const exchanged = await fetch(`${baseUrl}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      code,
      grant_type: 'authorization_code',
      client_id: 'demo_partner',
      client_secret: 'demo_partner_secret',
    }),
  });
  const token = (await exchanged.json()).access_token;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const info = await (await fetch(`${baseUrl}/v2/tokeninfo`, { headers })).json();
  assert.strictEqual(info.app.id, appId);
  const url = `${baseUrl}/v2/apps/${info.app.id}/integrations/me/webhooks`;
  const body = JSON.stringify({ target: 'https://partner.example.org/', triggers: ['conversation:message'] });
  const registered = await fetch(url, { method: 'POST', headers, body });
  assert.strictEqual(registered.status, 201);
  const { webhooks: found } = await (await fetch(url, { headers })).json();
  assert.strictEqual(found.length, 1);
  const basic = client.authentications.basicAuth;
  client.authentications.basicAuth = { type: 'bearer', accessToken: token };
  await new vendor.OAuthEndpointsApi().revokeAccess();
  client.authentications.basicAuth = basic;
  assert.strictEqual((await fetch(`${baseUrl}/v2/tokeninfo`, { headers })).status, 401);
  report('installation: a code exchanged, a webhook registered, access revoked');
}

async function main() {
  const conversationId = await conversations(await users());
  await messages(conversationId);
  await switchboard(conversationId);
  await integrations();
  await participants(conversationId);
  await clients(conversationId);
  await attachments(conversationId);
  await webhooks();
  await switchboards();
  await apps();
  await installation();
}

main().catch((error) => {
  process.stderr.write(`${error.stack || JSON.stringify(error)}\n`);
  process.exitCode = 1;
});

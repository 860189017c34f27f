import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { constants, createPrivateKey, createPublicKey, publicEncrypt, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { openSensitive, sensitiveFields } from './sensitive.ts';
import { certificateSettings } from './test-account.ts';

let certificate: X509Certificate;
let private_key: string;
before(async () => {
  const settings = await certificateSettings();
  certificate = new X509Certificate(String(settings.certificate));
  private_key = String(settings.private_key);
});

/** As the gateway would, with another program. */
function opened(t: { skip: (reason: string) => void }, base64: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'heliu-unionpay-'));
  try {
    const [key, text] = ['key', 'text'].map((name) => join(folder, name)) as [string, string];
    writeFileSync(key, private_key);
    writeFileSync(text, Buffer.from(base64, 'base64'));
    const { status, stdout, error } = spawnSync('openssl', ['pkeyutl', '-decrypt', '-inkey', key, '-in', text, '-pkeyopt', 'rsa_padding_mode:pkcs1']);
    if (error) return void t.skip('openssl is not installed here, and our own code would only prove itself');
    assert.equal(status, 0);
    return stdout.toString('utf8');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('sensitive fields', () => {
  it('are opened by OpenSSL with the key of the certificate that they name', (t) => {
    const customer = { certifTp: '01', certifId: '510265790128303', customerNm: '张三', phoneNo: '18100000000', cvn2: '248', expired: '1912' };
    const { accNo = '', customerInfo = '', encryptCertId } = sensitiveFields({ card_no: '6226090000000048', customer }, certificate);
    assert.equal(encryptCertId, BigInt(`0x${certificate.serialNumber}`).toString());
    const card = opened(t, accNo);
    if (card === undefined) return;
    assert.equal(card, '6226090000000048');
    const [, plain, secret = ''] = /^\{(.*)&encryptedInfo=([^}&]+)\}$/.exec(Buffer.from(customerInfo, 'base64').toString('utf8')) ?? [];
    assert.equal(plain, 'certifTp=01&certifId=510265790128303&customerNm=张三');
    assert.equal(opened(t, secret), 'phoneNo=18100000000&cvn2=248&expired=1912');
  });

  it('leave out what is not told, and refuse what would be read as another field', () => {
    assert.deepEqual(Object.keys(sensitiveFields({ card_no: '1' }, certificate)), ['accNo', 'encryptCertId']);
    const { customerInfo = '' } = sensitiveFields({ customer: { smsCode: '111111' } }, certificate);
    assert.equal(Buffer.from(customerInfo, 'base64').toString(), '{smsCode=111111}');
    assert.throws(() => sensitiveFields({ customer: { customerNm: 'a&pin=1' } }, certificate), /customerNm/);
  });

  it('of an answer open with the merchant’s key, and nothing else does', () => {
    const key = createPrivateKey(private_key);
    const sealed = publicEncrypt({ key: createPublicKey(key), padding: constants.RSA_PKCS1_PADDING }, Buffer.from('6226********0048')).toString('base64');
    assert.equal(openSensitive(sealed, key), '6226********0048');
    const oaep = publicEncrypt({ key: createPublicKey(key), padding: constants.RSA_PKCS1_OAEP_PADDING }, Buffer.from('x')).toString('base64');
    for (const text of ['', 'x', '6226********0048', oaep, sealed.slice(4)]) assert.equal(openSensitive(text, key), undefined, text);
  });
});

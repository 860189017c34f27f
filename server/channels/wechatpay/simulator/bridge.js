// What WeChat puts into every page that its browser opens. @see https://pay.weixin.qq.com/doc/v3/merchant/4012791857
window.WeixinJSBridge = {
  invoke(name, params, then) {
    if (name !== 'getBrandWCPayRequest') return then({ err_msg: `${name}:fail` });
    const says = (word) => then({ err_msg: `get_brand_wcpay_request:${word}` });
    askPayer(params, '#07a35a').then(
      (answer) => says(answer === 'pay' ? 'ok' : answer === 'decline' ? 'cancel' : `fail_${answer}`),
      () => says('fail'),
    );
  },
};
document.dispatchEvent(new Event('WeixinJSBridgeReady'));

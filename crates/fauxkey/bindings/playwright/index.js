'use strict';
const { Phone } = require('./lib/phone');
const { FauxkeyError } = require('./lib/api');
const { environment } = require('./lib/program');

module.exports = { Phone, FauxkeyError, environment };

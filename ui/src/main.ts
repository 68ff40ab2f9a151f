import { mount } from 'svelte';
import App from './App.svelte';
import { pickHost } from './host/pick';
import './styles/base.css';

const host = await pickHost(new URLSearchParams(location.search));
const target = document.getElementById('app');
if (target) mount(App, { target, props: { host } });
